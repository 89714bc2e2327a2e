import { typeName } from '../json-text.ts'

/** What keys may look like. */
export interface KeyRules {
  /** `$in`, `$set` …: for filters. */
  readonly operators: boolean
  /** `a.b`, as a path: for the fields of filters and updates. Deeper keys never have dots. */
  readonly paths: boolean
}

/** A document that nobody else holds, and about how many bytes it has in BSON. */
export interface BsonCopy<Value = unknown> {
  readonly value: Value
  readonly bytes: number
}

/** MongoDB takes no deeper document. */
const DEEPEST = 100
/** Every value of the `bson` package has it; text that only looks like one does not. */
const BSON_VERSION = Symbol.for('@@mdb.bson.version')

/**
 * Copies a document as MongoDB stores it: dates, bytes, BigInts of 64 bits and values of the `bson` package stay what they
 * are; fields that are undefined are left out, in lists they become null.
 *
 * @throws Error with the place, for the handler's author: what BSON has no value for, numbers that are not finite, cycles.
 */
export function bsonDocument(value: unknown, what: string, rules: KeyRules): BsonCopy<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || isLeaf(value)) {
    throw new Error(`${what} must be an object, not ${typeName(value)}`)
  }
  return new Copier(rules).document(value, what, 0) as BsonCopy<Record<string, unknown>>
}

/** The same for any value. */
export function bsonValue(value: unknown, what: string, rules: KeyRules): BsonCopy {
  return new Copier(rules).value(value, what, 0)
}

class Copier {
  readonly #rules: KeyRules
  readonly #open = new Set<object>()

  constructor(rules: KeyRules) {
    this.#rules = rules
  }

  value(value: unknown, at: string, depth: number): BsonCopy {
    switch (typeof value) {
      case 'string':
        return { value, bytes: 5 + Buffer.byteLength(value) }
      case 'boolean':
        return { value, bytes: 1 }
      case 'number':
        if (!Number.isFinite(value))
          throw new Error(`${at} is ${value}: not every server takes it; write null or a text`)
        return { value, bytes: 8 }
      case 'bigint':
        if (BigInt.asIntN(64, value) !== value)
          throw new Error(`${at} is a BigInt of more than 64 bits; write it as a text`)
        return { value, bytes: 8 }
      case 'object':
        return value === null ? { value, bytes: 0 } : this.#object(value, at, depth)
      case 'function':
      case 'symbol':
      case 'undefined':
        throw new Error(`${at} is ${typeName(value)}, for which there is no BSON`)
    }
  }

  #object(value: object, at: string, depth: number): BsonCopy {
    if (value instanceof Date) {
      if (Number.isNaN(value.getTime())) throw new Error(`${at} is not a valid date`)
      return { value: new Date(value), bytes: 8 }
    }
    if (value instanceof Uint8Array) return { value: Buffer.from(value), bytes: 5 + value.length }
    // They cannot be changed by whoever holds them, but for a Binary's bytes.
    if (BSON_VERSION in value) return { value, bytes: 16 + byteLengthOf(value) }
    if (value instanceof RegExp) return { value, bytes: 2 + value.source.length }
    if (ArrayBuffer.isView(value) || value instanceof Map || value instanceof Set || value instanceof Promise) {
      throw new Error(
        `${at} is a ${value.constructor.name}, for which there is no BSON; write an object, a list or bytes`,
      )
    }
    return Array.isArray(value) ? this.#list(value, at, depth) : this.document(value, at, depth)
  }

  #list(list: readonly unknown[], at: string, depth: number): BsonCopy {
    return this.#inside(list, at, depth, () => {
      let bytes = 5
      const copy = list.map((inner, index) => {
        const { value, bytes: size } = this.value(inner ?? null, `${at}[${index}]`, depth + 1)
        bytes += 2 + String(index).length + size
        return value
      })
      return { value: copy, bytes }
    })
  }

  document(object: object, at: string, depth: number): BsonCopy {
    return this.#inside(object, at, depth, () => {
      let bytes = 5
      const copy: Record<string, unknown> = {}
      for (const [key, inner] of Object.entries(object)) {
        if (inner === undefined) continue
        this.#checkKey(key, at, depth)
        const { value, bytes: size } = this.value(inner, `${at}.${key}`, depth + 1)
        bytes += 2 + Buffer.byteLength(key) + size
        copy[key] = value
      }
      return { value: copy, bytes }
    })
  }

  #checkKey(key: string, at: string, depth: number): void {
    const shown = `${at} has the key ${JSON.stringify(key)}`
    if (key === '__proto__' || key === '_bsontype') throw new Error(`${shown}, which cannot be stored`)
    if (key === '' || key.includes('\0')) throw new Error(`${shown}: a key is not empty and has no NUL`)
    if (key.startsWith('$') && !this.#rules.operators) {
      throw new Error(`${shown}: keys that begin with $ are operators and cannot be stored`)
    }
    if (key.includes('.') && !(this.#rules.paths && (depth === 0 || this.#rules.operators))) {
      throw new Error(`${shown}: a key with a dot in it would be read as a path`)
    }
  }

  #inside(object: object, at: string, depth: number, copy: () => BsonCopy): BsonCopy {
    if (this.#open.has(object)) throw new Error(`${at} leads back to itself`)
    if (depth >= DEEPEST) throw new Error(`${at} is deeper than ${DEEPEST} levels, which MongoDB refuses`)
    this.#open.add(object)
    const made = copy()
    this.#open.delete(object)
    return made
  }
}

function isLeaf(value: object): boolean {
  return value instanceof Date || value instanceof Uint8Array || value instanceof RegExp || BSON_VERSION in value
}

function byteLengthOf(value: object): number {
  return 'position' in value && typeof value.position === 'number' ? value.position : 0
}
