/** What a process was started with. */
export interface Started {
  readonly platform: string
  /** `process.argv`: the Node program, the script, the command's own arguments. */
  readonly argv: readonly string[]
  readonly execArgv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** True where a parent talks to it (`fork`): a second start would have lost that connection. */
  readonly connected?: boolean
}

/** Says to the second start that it is one. */
const MARK = 'DRAKKAR_STARTED_AGAIN'
const ARENAS = 'MALLOC_ARENA_MAX'
/**
 * Megabytes for each half of the young generation, a quarter of Node's own. Messages in flight outlive it whatever its size,
 * and each time it is searched for survivors the loop stands still: a smaller one made the longest stops a third shorter.
 */
export const SEMI_SPACE = '--max-semi-space-size=4'

/**
 * A worker needs a fifth less memory where the C library keeps two heaps and not eight for each CPU (the Kafka client's
 * threads would each fill one), and where Node's young generation is small. Both can only be said at the start of a process: so
 * `drakkar run` starts itself again, in the same process. Answers with what, or null where it is as it should be: elsewhere
 * than on Linux, where `MALLOC_ARENA_MAX` is set already (by whoever knows better), under a debugger, or with a parent's channel.
 */
export function startAgain({
  platform,
  argv,
  execArgv,
  env,
  connected,
}: Started): Pick<Started, 'argv' | 'env'> | null {
  const [node, script, command, ...more] = argv
  if (platform !== 'linux' || node === undefined || script === undefined || command !== 'run') return null
  const told = `${env['NODE_OPTIONS'] ?? ''} ${execArgv.join(' ')}`
  if (connected === true || env[ARENAS] !== undefined || told.includes('--inspect')) return null
  const own = told.includes('semi-space-size') ? [] : [SEMI_SPACE]
  return { argv: [node, ...execArgv, ...own, script, command, ...more], env: { ...env, [ARENAS]: '2', [MARK]: '1' } }
}

/** Takes out of `env` what the first start put there for the second alone: the programs of tasks get the user's environment. */
export function forgetStart(env: Record<string, string | undefined>): void {
  if (env[MARK] === undefined) return
  delete env[MARK]
  delete env[ARENAS]
}
