/** A terminal that can be drawn on. */
export type TerminalStream = NodeJS.WritableStream & { readonly columns?: number; readonly rows?: number }

/** Another screen, no cursor, no wrapping; and back. */
const ENTER = '\u001B[?1049h\u001B[?25l\u001B[?7l'
const LEAVE = '\u001B[?7h\u001B[?25h\u001B[?1049l'

/** The whole terminal as one picture. What stood on it before comes back at the end, also while the process is stopped. */
export class Terminal {
  readonly #out: TerminalStream
  readonly #draw: () => readonly string[]
  #entered = false

  /** `draw` answers the lines of a picture of the terminal's size now. */
  constructor(out: TerminalStream, draw: () => readonly string[]) {
    this.#out = out
    this.#draw = draw
  }

  get size(): { readonly columns: number; readonly rows: number } {
    return { columns: this.#out.columns ?? 80, rows: this.#out.rows ?? 24 }
  }

  enter(): void {
    this.#out.on('resize', this.#paint)
    process.on('SIGTSTP', this.#pause)
    process.on('SIGCONT', this.#resume)
    this.#resume()
  }

  /** Draws in place, so that nothing flickers. */
  paint(): void {
    this.#paint()
  }

  leave(): void {
    this.#out.removeListener('resize', this.#paint)
    process.removeListener('SIGTSTP', this.#pause)
    process.removeListener('SIGCONT', this.#resume)
    this.#back()
  }

  readonly #paint = (): void => {
    if (!this.#entered) return
    const lines = this.#draw().map((line) => `${line}\u001B[K`)
    this.#out.write(`\u001B[H${lines.join('\r\n')}\u001B[J`)
  }

  /** Ctrl-Z: the shell gets its screen, and the process rests as it would have. */
  readonly #pause = (): void => {
    this.#back()
    process.kill(process.pid, 'SIGSTOP')
  }

  readonly #resume = (): void => {
    if (!this.#entered) this.#out.write(ENTER)
    this.#entered = true
    this.#paint()
  }

  #back(): void {
    if (this.#entered) this.#out.write(LEAVE)
    this.#entered = false
  }
}
