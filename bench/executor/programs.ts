import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const PEERS = join(import.meta.dirname, '..', 'peers')

/** What the lanes launch, compiled into a folder of this run. */
export interface Programs {
  readonly floor: string
  readonly small: string
  /** Answers each task with its stdin: `json` or `frames`. */
  readonly echo: string
  sleeping(ms: number): string
  burning(ms: number): string
}

/** Compiles with `cc`; the folder goes when the process ends. */
export function buildPrograms(): Programs {
  const folder = mkdtempSync(join(tmpdir(), 'bench-executor-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const compile = (name: string, source: string, flags: readonly string[]): string => {
    const path = join(folder, name)
    execFileSync('cc', ['-O2', ...flags, '-o', path, join(PEERS, source)])
    return path
  }
  const small = (name: string, flags: readonly string[]): string =>
    compile(name, 'small.c', ['-static', '-nostdlib', ...flags])
  return {
    floor: compile('floor', 'floor.c', []),
    small: small('small', []),
    echo: compile('echo', 'pool-echo.c', []),
    sleeping: (ms) => small(`sleep-${ms}`, [`-DSLEEP_MS=${ms}`]),
    burning: (ms) => small(`burn-${ms}`, [`-DBURN_MS=${ms}`]),
  }
}
