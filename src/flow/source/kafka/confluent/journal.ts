import type { RdLog } from './client-types.ts'

const KEPT = 20
/** Syslog's: 0 is an emergency, 4 a warning. */
const WARNING = 4

/**
 * The client's last warnings. Errors of its events say only "transport failure"; which broker refused what, and why, is
 * in its log lines.
 */
export class Journal {
  readonly #lines: string[] = []

  note(log: RdLog): void {
    if (log.severity > WARNING) return
    this.#lines.push(readable(log.message))
    if (this.#lines.length > KEPT) this.#lines.shift()
  }

  /** The last distinct lines, newest last; empty where the client had nothing to say. */
  last(count: number): readonly string[] {
    return [...new Set(this.#lines)].slice(-count)
  }
}

/** Without the thread's name in front and its state behind, which only librdkafka's authors can use. */
export function readable(line: string): string {
  return line.replace(/^\[thrd:[^\]]*\]:\s*/, '').replace(/\s*\(after \d+ms in state .*\)$/, '')
}
