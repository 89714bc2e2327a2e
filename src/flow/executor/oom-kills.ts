import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Processes of this worker's control group (of its container, or its unit) that the kernel has killed for lack of memory, as it
 * counts them itself. Null where there is no such count.
 */
export function countOomKills(): number | null {
  return fromFile(join(cgroupFolder(), 'memory.events'))
}

function fromFile(path: string): number | null {
  try {
    const found = /^oom_kill (\d+)$/m.exec(readFileSync(path, 'utf8'))
    return found === null ? null : Number(found[1])
  } catch {
    return null
  }
}

function cgroupFolder(): string {
  try {
    const found = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))
    return join('/sys/fs/cgroup', found?.[1] ?? '')
  } catch {
    return '/sys/fs/cgroup'
  }
}

/**
 * Tells for a SIGKILL that nobody here sent whether the kernel counted a kill that no other run was told. Which process it killed
 * it does not say: where a task lived on when a child of it was killed, the next one is told.
 */
export class OomKills {
  readonly #count: () => number | null
  #seen: number | null
  #unclaimed = 0

  constructor(count: () => number | null = countOomKills) {
    this.#count = count
    this.#seen = count()
  }

  /** True once for each kill that was counted. */
  claim(): boolean {
    const now = this.#count()
    if (now === null || this.#seen === null) return false
    this.#unclaimed += Math.max(0, now - this.#seen)
    this.#seen = now
    if (this.#unclaimed === 0) return false
    this.#unclaimed -= 1
    return true
  }
}
