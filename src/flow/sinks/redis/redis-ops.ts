import { typeName } from '../json-text.ts'
import { type RedisArgument, redisInteger, redisName, redisScore, redisTtl, redisValue } from './redis-value.ts'

/** One command: its name, then its arguments; the first of them is the key or channel. */
export type RedisCommand = readonly RedisArgument[]

/** Most arguments of one command: Lua can hand on no more than about 8,000. */
const MOST_ARGUMENTS = 4000

type Fields = Readonly<Record<string, unknown>>

/** What is asked of a payload of one op, and what may be said of it. */
export interface OpRule {
  /** Fields that the op takes. */
  readonly uses: readonly string[]
  /** Done twice it leaves the same as done once. */
  readonly repeatable: boolean
}

/** What can be asked of Redis. */
export const REDIS_OPS = {
  set: { uses: ['key', 'data', 'ttl'], repeatable: true },
  delete: { uses: ['key'], repeatable: true },
  expire: { uses: ['key', 'ttl'], repeatable: true },
  hset: { uses: ['key', 'fields', 'ttl'], repeatable: true },
  hdel: { uses: ['key', 'fields'], repeatable: true },
  zadd: { uses: ['key', 'members', 'ttl'], repeatable: true },
  sadd: { uses: ['key', 'members', 'ttl'], repeatable: true },
  srem: { uses: ['key', 'members'], repeatable: true },
  incrby: { uses: ['key', 'amount', 'ttl'], repeatable: false },
  push: { uses: ['key', 'members', 'side', 'ttl'], repeatable: false },
  trim: { uses: ['key', 'start', 'stop'], repeatable: false },
  xadd: { uses: ['key', 'fields', 'maxlen', 'ttl'], repeatable: false },
  publish: { uses: ['channel', 'data'], repeatable: false },
  script: { uses: ['script', 'keys', 'args'], repeatable: false },
} as const satisfies Record<string, OpRule>

export type RedisOp = keyof typeof REDIS_OPS

/** The commands of an op on one key (or channel), in order; they are done together. */
export function buildOp(op: Exclude<RedisOp, 'script'>, key: string, fields: Fields): readonly RedisCommand[] {
  const ttl = fields['ttl'] === undefined || op === 'set' || op === 'expire' ? null : redisTtl(fields['ttl'])
  const commands = opCommands(op, key, fields)
  return ttl === null ? commands : [...commands, ['PEXPIRE', key, ttl]]
}

function opCommands(op: Exclude<RedisOp, 'script'>, key: string, fields: Fields): readonly RedisCommand[] {
  switch (op) {
    case 'set':
      return [['SET', key, redisValue(fields['data'], '`data`'), ...setTtl(fields['ttl'])]]
    case 'delete':
      return [['DEL', key]]
    case 'expire':
      return [['PEXPIRE', key, redisTtl(fields['ttl'])]]
    case 'hset':
      return chunks('HSET', key, pairs(fields['fields'], '`fields`', redisValue))
    case 'hdel':
      return chunks('HDEL', key, names(fields['fields'], '`fields`'))
    case 'zadd':
      return chunks('ZADD', key, pairs(fields['members'], '`members`', redisScore).map(swapped))
    case 'sadd':
      return chunks('SADD', key, values(fields['members'], '`members`'))
    case 'srem':
      return chunks('SREM', key, values(fields['members'], '`members`'))
    case 'incrby':
      return [['INCRBY', key, redisInteger(fields['amount'] ?? 1, '`amount`')]]
    case 'push':
      return [single([side(fields['side']), key, ...values(fields['members'], '`members`').flat()], '`members`')]
    case 'trim':
      return [['LTRIM', key, redisInteger(fields['start'], '`start`'), redisInteger(fields['stop'], '`stop`')]]
    case 'xadd': {
      const added = pairs(fields['fields'], '`fields`', redisValue).flat()
      return [single(['XADD', key, ...streamLimit(fields['maxlen']), '*', ...added], '`fields`')]
    }
    case 'publish':
      return [['PUBLISH', key, redisValue(fields['data'], '`data`')]]
  }
}

const setTtl = (ttl: unknown): readonly string[] => (ttl === undefined ? [] : ['PX', redisTtl(ttl)])

function side(value: unknown = 'right'): string {
  if (value === 'right') return 'RPUSH'
  if (value === 'left') return 'LPUSH'
  throw new Error(`\`side\` must be left or right, not ${typeof value === 'string' ? value : typeName(value)}`)
}

function streamLimit(value: unknown): readonly string[] {
  if (value === undefined) return []
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1) return ['MAXLEN', '~', String(value)]
  throw new Error(
    `\`maxlen\` must be a whole number from 1, not ${typeof value === 'number' ? value : typeName(value)}`,
  )
}

type Pair = readonly [string, RedisArgument]
const swapped = ([name, value]: Pair): readonly RedisArgument[] => [value, name]

/** An object as pairs, sorted by name so that the same output is the same command. */
function pairs(value: unknown, what: string, convert: (value: unknown, what: string) => RedisArgument): Pair[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) {
    throw new Error(`${what} must be an object, not ${typeName(value)}`)
  }
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  if (entries.length === 0) throw new Error(`${what} is empty`)
  return entries.map(([name, inner]): Pair => {
    if (!name.isWellFormed()) throw new Error(`${what}: a name has half a surrogate pair in it`)
    return [name, convert(inner, `${what}.${name}`)]
  })
}

function list(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`${what} must be a list, not ${typeName(value)}`)
  if (value.length === 0) throw new Error(`${what} is empty`)
  return value
}

const values = (value: unknown, what: string): readonly RedisArgument[][] =>
  list(value, what).map((inner, index) => [redisValue(inner, `${what}[${index}]`)])

const names = (value: unknown, what: string): readonly RedisArgument[][] =>
  list(value, what).map((inner, index) => [redisName(inner, `${what}[${index}]`)])

/** Commands of a size that Lua can hand on; together they do the same as one. */
function chunks(name: string, key: string, units: readonly (readonly RedisArgument[])[]): RedisCommand[] {
  const commands: RedisArgument[][] = []
  let last: RedisArgument[] | undefined
  for (const unit of units) {
    if (last === undefined || last.length + unit.length > MOST_ARGUMENTS) {
      last = [name, key]
      commands.push(last)
    }
    last.push(...unit)
  }
  return commands
}

/** For what must be one command to be whole. */
function single(command: RedisCommand, what: string): RedisCommand {
  if (command.length <= MOST_ARGUMENTS) return command
  throw new Error(
    `${what} has too many entries: a command has at most ${MOST_ARGUMENTS} arguments; send several outputs`,
  )
}
