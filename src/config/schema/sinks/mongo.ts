import { z } from 'zod'
import { refusedMongoOperator } from '../../../lib/index.ts'
import { count, flag, seconds } from '../field.ts'
import { batch } from './batch.ts'
import { byName } from './statements.ts'

const document = z.record(z.string(), z.unknown())

const statement = z
  .strictObject({
    collection: z.string().min(1).describe('Collection that it works on.'),
    op: z
      .enum(['insert', 'update_one', 'update_many', 'replace_one', 'delete_one', 'delete_many'])
      .describe('What is done.'),
    filter: document.nullish().describe('Which documents; for all but insert.'),
    update: z
      .union([document, z.array(document)])
      .nullish()
      .describe('For updates: operators (`$set` …) or a pipeline; for insert and replace_one: the document.'),
    upsert: flag(false).describe('For update_one and replace_one: makes the document where there is none.'),
  })
  .superRefine((value, context) => {
    const refuse = (path: string, message: string): void => context.addIssue({ code: 'custom', path: [path], message })
    const filter = value.filter ?? null
    if (value.op === 'insert' && filter !== null) refuse('filter', 'is not for insert')
    if (value.op !== 'insert' && (filter === null || Object.keys(filter).length === 0)) {
      refuse('filter', 'is required, and not empty')
    }
    const deletes = value.op === 'delete_one' || value.op === 'delete_many'
    if (deletes && value.update != null) refuse('update', `is not for ${value.op}`)
    if (!deletes && value.update == null) refuse('update', 'is required')
    const { update } = value
    if (value.op.startsWith('update_') && update != null && !Array.isArray(update)) {
      const names = Object.keys(update)
      if (names.length === 0 || names.some((name) => !name.startsWith('$'))) {
        refuse('update', 'must consist of operators such as $set; a whole document is for replace_one')
      }
    }
    if ((value.op === 'insert' || value.op === 'replace_one') && Array.isArray(update)) {
      refuse('update', 'must be a document, not a pipeline')
    }
    if (value.upsert && value.op !== 'update_one' && value.op !== 'replace_one') {
      refuse('upsert', `is not for ${value.op}`)
    }
    for (const field of ['filter', 'update'] as const) {
      const name = refusedMongoOperator(value[field])
      if (name !== null) refuse(field, `has ${name} in it, which is never sent`)
    }
  })

export const mongoSink: z.ZodType = z.strictObject({
  uri: z
    .string()
    .regex(/^mongodb(\+srv)?:\/\/\S+$/, 'must be like mongodb://host:27017 or mongodb+srv://host')
    .describe('Where MongoDB is, with its options: user, TLS, replica set. Never shown.'),
  database: z.string().min(1).describe('Database that is written to.'),
  statements: byName(statement).describe(
    'Operations by name, for payloads with `op: statement`. A text `":name"` is replaced by that parameter.',
  ),
  ordered: flag(true).describe(
    'Operations of a batch are done in its order. Off: faster where many fail, and operations on one document may change places.',
  ),
  write_concern: z
    .union([z.literal('majority'), z.number().int().min(1)])
    .default('majority')
    .describe('Members that must have a write before it counts as delivered. Less: a failover can lose it.'),
  write_timeout_seconds: seconds(20, 0.001).describe('How long they may take, and how long an answer may.'),
  connect_timeout_seconds: seconds(10, 0.001).describe('For a connection, and for finding a server that takes writes.'),
  max_pool_size: count(4).describe('Connections to each server.'),
  ...batch,
})
