import { typeName } from '../json-text.ts'
import { buildOp, type OpRule, REDIS_OPS, type RedisCommand, type RedisOp } from './redis-ops.ts'
import { type RedisArgument, redisName, redisValue } from './redis-value.ts'

/** An accepted `RedisOutput`: what Redis is to do for one record. */
export interface RedisWrite {
  readonly op: RedisOp
  /** With the prefix; the first decides where it goes in a cluster. A channel is not one. */
  readonly keys: readonly string[]
  /** Empty for `script`. */
  readonly commands: readonly RedisCommand[]
  /** Only for `script`. */
  readonly script?: { readonly name: string; readonly args: readonly RedisArgument[] }
  /** Done twice it leaves something else than done once. */
  readonly repeatable: boolean
  readonly bytes: number
}

export interface RedisWriteSettings {
  readonly keyPrefix: string
  /** Names of the configured scripts. */
  readonly scripts: ReadonlySet<string>
}

/**
 * Takes an output apart into commands.
 *
 * @throws Error for the handler's author where that cannot be done, or a field is there that the op does not use.
 */
export function redisWrite(output: unknown, settings: RedisWriteSettings): RedisWrite {
  if (typeof output !== 'object' || output === null) throw new Error('must be an object { op?, key, … }')
  const fields = output as Readonly<Record<string, unknown>>
  const op = fields['op'] ?? 'set'
  if (typeof op !== 'string' || !Object.hasOwn(REDIS_OPS, op)) {
    throw new Error(`\`op\` must be one of ${Object.keys(REDIS_OPS).join(', ')}, not ${shownOp(op)}`)
  }
  const known = op as RedisOp
  const { uses, repeatable }: OpRule = REDIS_OPS[known]
  for (const name of Object.keys(fields)) {
    if (name === 'op' || name === 'sink' || uses.includes(name) || fields[name] === undefined) continue
    throw new Error(`\`${name}\` is no field of op ${known}; it uses ${uses.join(', ')}`)
  }
  if (known === 'script') return scriptWrite(fields, settings)
  const name = redisName(
    known === 'publish' ? fields['channel'] : fields['key'],
    known === 'publish' ? '`channel`' : '`key`',
  )
  const place = known === 'publish' ? name : settings.keyPrefix + name
  const commands = buildOp(known, place, fields)
  const keys = known === 'publish' ? [] : [place]
  return { op: known, keys, commands, repeatable, bytes: commands.reduce((sum, command) => sum + bytesOf(command), 0) }
}

function scriptWrite(fields: Readonly<Record<string, unknown>>, settings: RedisWriteSettings): RedisWrite {
  const { script, keys, args = [] } = fields
  if (typeof script !== 'string' || !settings.scripts.has(script)) {
    const names = [...settings.scripts].join(', ') || 'none'
    const shown = typeof script === 'string' ? JSON.stringify(script) : typeName(script)
    throw new Error(`\`script\` must name a script of the sink's configuration (${names}), not ${shown}`)
  }
  if (!Array.isArray(keys) || keys.length === 0) throw new Error('`keys` must be a list with at least one key')
  if (!Array.isArray(args)) throw new Error(`\`args\` must be a list, not ${typeName(args)}`)
  const names = keys.map((key, index) => settings.keyPrefix + redisName(key, `\`keys[${index}]\``))
  const values = args.map((arg, index) => redisValue(arg, `\`args[${index}]\``))
  const bytes = bytesOf(names) + bytesOf(values)
  return { op: 'script', keys: names, commands: [], script: { name: script, args: values }, repeatable: false, bytes }
}

/** About: a text counts its characters. */
function bytesOf(values: readonly RedisArgument[]): number {
  let bytes = 0
  for (const value of values) bytes += value.length
  return bytes
}

const shownOp = (op: unknown): string => (typeof op === 'string' ? JSON.stringify(op) : typeName(op))
