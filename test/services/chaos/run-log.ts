import { existsSync, readFileSync } from 'node:fs'

/** One run of the program, as it wrote it down itself. */
export interface Run {
  readonly id: string
  /** Process id of the worker that asked for it. */
  readonly worker: number
  readonly pid: number
  /** Milliseconds since the epoch. */
  readonly started: number
  /** Null where it did not come to its end. */
  readonly ended: number | null
}

/** Reads the log of all runs, in the order of their starts. */
export function readRuns(path: string): readonly Run[] {
  const runs: { id: string; worker: number; pid: number; started: number; ended: number | null }[] = []
  const open = new Map<string, (typeof runs)[number]>()
  const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : []
  for (const line of lines) {
    const [what, id, worker, pid, at] = line.split(' ')
    if (id === undefined || worker === undefined || pid === undefined || at === undefined)
      throw new Error(`${path} holds a line that no program wrote: ${JSON.stringify(line)}`)
    const key = `${pid} ${id}`
    if (what === 'S') {
      const run = { id, worker: Number(worker), pid: Number(pid), started: Number(at), ended: null }
      runs.push(run)
      open.set(key, run)
    } else {
      const run = open.get(key)
      if (run === undefined) throw new Error(`${path} has an end without a start: ${line}`)
      run.ended = Number(at)
      open.delete(key)
    }
  }
  return runs
}

/** The runs by what they ran. */
export function runsById(runs: readonly Run[]): ReadonlyMap<string, readonly Run[]> {
  return Map.groupBy(runs, ({ id }) => id)
}
