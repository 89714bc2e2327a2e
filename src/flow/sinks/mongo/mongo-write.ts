import { refusedMongoOperator } from '../../../lib/index.ts'
import { typeName } from '../json-text.ts'
import { type BsonCopy, bsonDocument } from './bson-copy.ts'
import { boundParameters, filledIn, type MongoStatement, parameterNames } from './statement.ts'

type Document = Record<string, unknown>

/** One operation of a bulk write, in the form of the driver. */
export type BulkOperation =
  | { readonly insertOne: { readonly document: Document } }
  | {
      readonly updateOne: {
        readonly filter: Document
        readonly update: Document | Document[]
        readonly upsert: boolean
      }
    }
  | { readonly updateMany: { readonly filter: Document; readonly update: Document | Document[] } }
  | { readonly replaceOne: { readonly filter: Document; readonly replacement: Document; readonly upsert: boolean } }
  | { readonly deleteOne: { readonly filter: Document } }
  | { readonly deleteMany: { readonly filter: Document } }

/** An accepted `MongoOutput`. */
export interface MongoWrite {
  readonly op: string
  readonly collection: string
  readonly operation: BulkOperation
  /** An insert without an `_id`: it gets the record's id, so that a replay finds it there. */
  readonly ownId: boolean
  readonly bytes: number
}

/** Largest document of MongoDB, with room for an `_id` of ours. */
const MOST_BYTES = 16 * 1024 * 1024 - 4096

const FIELDS: Readonly<Record<string, readonly string[]>> = {
  insert: ['collection', 'data'],
  update_one: ['collection', 'filter', 'data'],
  update_many: ['collection', 'filter', 'data'],
  upsert: ['collection', 'filter', 'data'],
  replace_one: ['collection', 'filter', 'data', 'upsert'],
  delete_one: ['collection', 'filter'],
  delete_many: ['collection', 'filter'],
  statement: ['statement', 'params'],
}

/**
 * Takes an output apart into one operation.
 *
 * @throws Error for the handler's author where that cannot be done, or a field is there that the op does not use.
 */
export function mongoWrite(output: unknown, statements: Readonly<Record<string, MongoStatement>>): MongoWrite {
  if (typeof output !== 'object' || output === null) throw new Error('must be an object { op?, collection, … }')
  const fields = output as Readonly<Document>
  const op = fields['op'] ?? 'insert'
  const uses = typeof op === 'string' && Object.hasOwn(FIELDS, op) ? FIELDS[op] : undefined
  if (typeof op !== 'string' || uses === undefined) {
    const shown = typeof op === 'string' ? JSON.stringify(op) : typeName(op)
    throw new Error(`\`op\` must be one of ${Object.keys(FIELDS).join(', ')}, not ${shown}`)
  }
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || name === 'op' || name === 'sink' || uses.includes(name)) continue
    throw new Error(`\`${name}\` is no field of op ${op}; it uses ${uses.join(', ')}`)
  }
  if (op === 'statement') return statementWrite(fields, statements)
  const collection = collectionName(fields['collection'])
  return { ...plainOperation(op, fields), op, collection }
}

type Built = Pick<MongoWrite, 'operation' | 'ownId' | 'bytes'>

function plainOperation(op: string, fields: Readonly<Document>): Built {
  if (op === 'insert') {
    const data = document(fields['data'], { operators: false, paths: false })
    const ownId = data.value['_id'] === undefined
    return { operation: { insertOne: { document: data.value } }, ownId, bytes: data.bytes }
  }
  const filter = filterOf(fields['filter'])
  if (op === 'delete_one') return built({ deleteOne: { filter: filter.value } }, filter.bytes)
  if (op === 'delete_many') return built({ deleteMany: { filter: filter.value } }, filter.bytes)
  if (op === 'replace_one') {
    const data = document(fields['data'], { operators: false, paths: false })
    const { upsert = false } = fields
    if (typeof upsert !== 'boolean') throw new Error(`\`upsert\` must be true or false, not ${typeName(upsert)}`)
    return built({ replaceOne: { filter: filter.value, replacement: data.value, upsert } }, filter.bytes + data.bytes)
  }
  const data = document(fields['data'], { operators: false, paths: true })
  if (Object.keys(data.value).length === 0) throw new Error('`data` is empty: there is nothing to set')
  const update = { $set: data.value }
  const bytes = filter.bytes + data.bytes
  if (op === 'update_many') return built({ updateMany: { filter: filter.value, update } }, bytes)
  return built({ updateOne: { filter: filter.value, update, upsert: op === 'upsert' } }, bytes)
}

const built = (operation: BulkOperation, bytes: number): Built => ({ operation, ownId: false, bytes })

function document(value: unknown, rules: { readonly operators: boolean; readonly paths: boolean }): BsonCopy<Document> {
  const copy = bsonDocument(value, '`data`', rules)
  refuseLarge(copy.bytes)
  return copy
}

function refuseLarge(bytes: number): void {
  if (bytes <= MOST_BYTES) return
  throw new Error(`the document has about ${(bytes / 1048576).toFixed(1)} MiB; MongoDB takes at most 16`)
}

/** An empty filter would be the whole collection: never what one message asks for. */
function filterOf(value: unknown): BsonCopy<Document> {
  const filter = bsonDocument(value, '`filter`', { operators: true, paths: true })
  if (Object.keys(filter.value).length === 0) throw new Error('`filter` is empty, which would be the whole collection')
  const refused = refusedMongoOperator(filter.value)
  if (refused !== null) throw new Error(`\`filter\` has ${refused} in it, which is never sent`)
  refuseLarge(filter.bytes)
  return filter
}

function collectionName(value: unknown): string {
  if (typeof value !== 'string') throw new Error(`\`collection\` must be a string, not ${typeName(value)}`)
  if (value === '' || value.includes('$') || value.includes('\0') || /^system\.|^\.|\.$|\.\./.test(value)) {
    throw new Error(`\`collection\` ${JSON.stringify(value)} is no name of a collection`)
  }
  return value
}

function statementWrite(fields: Readonly<Document>, statements: Readonly<Record<string, MongoStatement>>): MongoWrite {
  const { statement: name } = fields
  const statement = typeof name === 'string' && Object.hasOwn(statements, name) ? statements[name] : undefined
  if (statement === undefined) {
    const shown = typeof name === 'string' ? JSON.stringify(name) : typeName(name)
    const names = Object.keys(statements).join(', ') || 'none'
    throw new Error(`\`statement\` must name a statement of the sink's configuration (${names}), not ${shown}`)
  }
  const { values, bytes } = boundParameters(fields['params'], parameterNames(statement))
  refuseLarge(bytes)
  const filter = filledIn(statement.filter ?? {}, values) as Document
  const update = filledIn(statement.update ?? {}, values) as Document
  const operation = statementOperation(statement, filter, update)
  const ownId = statement.op === 'insert' && update['_id'] === undefined
  return { op: `statement ${String(name)}`, collection: statement.collection, operation, ownId, bytes: bytes + 200 }
}

function statementOperation({ op, upsert = false }: MongoStatement, filter: Document, update: Document): BulkOperation {
  switch (op) {
    case 'insert':
      return { insertOne: { document: update } }
    case 'update_one':
      return { updateOne: { filter, update, upsert } }
    case 'update_many':
      return { updateMany: { filter, update } }
    case 'replace_one':
      return { replaceOne: { filter, replacement: update, upsert } }
    case 'delete_one':
      return { deleteOne: { filter } }
    case 'delete_many':
      return { deleteMany: { filter } }
  }
}
