/** Where the environment of tasks comes from; a task's own variables go over it. */
export interface EnvironmentOptions {
  /** The worker's environment. */
  readonly parent: Readonly<Record<string, string | undefined>>
  /** False: tasks get nothing of the worker's environment. */
  readonly inheritParent: boolean
  /** Names that are never inherited: globs with `*`, in any case. */
  readonly deny: readonly string[]
  /** `executor.env`: over what is inherited; never filtered. */
  readonly env: Readonly<Record<string, string>>
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
}

/** A glob with `*` as a test of whole names, in any case. */
export function globMatcher(globs: readonly string[]): (name: string) => boolean {
  if (globs.length === 0) return () => false
  const parts = globs.map((glob) => glob.split('*').map(escaped).join('.*'))
  const pattern = new RegExp(`^(?:${parts.join('|')})$`, 'is')
  return (name) => pattern.test(name)
}

/** The environment that every task begins with. */
export function baseEnvironment(options: EnvironmentOptions): Record<string, string> {
  const denied = globMatcher(options.deny)
  const base: Record<string, string> = {}
  if (options.inheritParent) {
    for (const [name, value] of Object.entries(options.parent)) {
      if (value !== undefined && !denied(name)) base[name] = value
    }
  }
  return Object.assign(base, options.env)
}
