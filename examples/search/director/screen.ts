import { block, type Moment, plainLine } from './display.ts'
import { type Paint, paint } from './paint.ts'

const REDRAW_MS = 80
const PLAIN_MS = 2_000

type Output = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number }

/** Shows a run: a block redrawn in place at a terminal, elsewhere a line every two seconds. */
export class Screen {
  readonly paint: Paint
  readonly #out: Output
  readonly #atTerminal: boolean
  readonly #moment: () => Moment
  #timer: NodeJS.Timeout | undefined
  #drawn = 0

  constructor(out: Output, env: Readonly<Record<string, string | undefined>>, moment: () => Moment) {
    this.#out = out
    this.#moment = moment
    this.#atTerminal = out.isTTY === true && env['TERM'] !== 'dumb'
    this.paint = paint(this.#atTerminal && (env['NO_COLOR'] ?? '') === '')
  }

  start(): void {
    if (this.#atTerminal) {
      this.#out.write('\x1b[?25l')
      this.#show()
    }
    this.#timer = setInterval(() => this.#show(), this.#atTerminal ? REDRAW_MS : PLAIN_MS)
  }

  /** Writes lines that stay. */
  say(...lines: readonly string[]): void {
    this.#clear()
    for (const line of lines) this.#out.write(`${line}\n`)
    if (this.#timer !== undefined && this.#atTerminal) this.#show()
  }

  /** Leaves the last moment standing, or wipes it away. */
  stop(how: 'keep' | 'wipe'): void {
    if (this.#timer === undefined) return
    clearInterval(this.#timer)
    this.#timer = undefined
    if (how === 'keep') this.#show()
    else this.#clear()
    this.#drawn = 0
    if (this.#atTerminal) this.#out.write('\x1b[?25h')
  }

  #show(): void {
    if (!this.#atTerminal) {
      this.#out.write(`${plainLine(this.#moment())}\n`)
      return
    }
    const lines = block(this.#moment(), this.#out.columns ?? 80, this.paint)
    const up = this.#drawn > 0 ? `\x1b[${this.#drawn}A` : ''
    // In one write, and each line wiped only behind its text: so nothing flickers.
    this.#out.write(`${up}${lines.map((line) => `${line}\x1b[K\n`).join('')}`)
    this.#drawn = lines.length
  }

  #clear(): void {
    if (this.#drawn > 0) this.#out.write(`\x1b[${this.#drawn}A\x1b[J`)
    this.#drawn = 0
  }
}
