/** How many messages may die of `arrange` before there is a sign that it works for any. */
const UNPROVEN_DEATHS = 4
/** How many windows in a row may fail as a whole before the partition is held. */
const WHOLE_WINDOWS = 3

/**
 * Tells a message that `arrange` cannot take from an `arrange` that takes none. The first is the message's fault and it
 * dies alone; the second is no property of any message, so the partition is held and nothing is emptied into the dead
 * letters. Pure: it sees only how many of a window's messages succeeded and failed.
 */
export class ArrangeGuard {
  #unproven = 0
  #windows = 0

  /** What to do with a window's failed messages. */
  judge(succeeded: number, failed: number): 'bury' | 'hold' {
    if (succeeded > 0) {
      this.#unproven = 0
      this.#windows = 0
      return 'bury'
    }
    this.#windows += 1
    if (this.#windows >= WHOLE_WINDOWS || this.#unproven + failed > UNPROVEN_DEATHS) return 'hold'
    this.#unproven += failed
    return 'bury'
  }
}
