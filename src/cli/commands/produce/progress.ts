import { fstatSync } from 'node:fs'
import type { Clock, Timer } from '../../../lib/index.ts'
import type { CommandIo } from '../../command-line.ts'

/** What a run has done so far. */
export interface Counts {
  /** Records that the broker acknowledged. */
  readonly acknowledged: number
  /** Lines that were not sent because they are bad, or that the broker refused. */
  readonly bad: number
  /** Bytes of the input that were read. */
  readonly readBytes: number
}

const TERMINAL_MS = 100
const PLAIN_MS = 5_000
const BAR = 24

/** Shows counts and rate on stderr while a run goes on: one line drawn over and over at a terminal, else one now and then. */
export class Progress {
  readonly #io: CommandIo
  readonly #clock: Clock
  readonly #counts: Counts
  readonly #total: number | undefined
  readonly #begin: number
  readonly #atTerminal: boolean
  #timer: Timer | undefined
  #drawn = false

  constructor(io: CommandIo, clock: Clock, counts: Counts) {
    this.#io = io
    this.#clock = clock
    this.#counts = counts
    this.#total = sizeOf(io.stdin)
    this.#begin = clock.monotonic()
    this.#atTerminal = io.stderr.isTTY === true
    this.#next()
  }

  /** Writes a line of its own, above the bar. */
  say(line: string): void {
    this.#clear()
    this.#io.stderr.write(`${line}\n`)
    if (this.#atTerminal) this.#draw()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#clear()
  }

  #next(): void {
    this.#timer = this.#clock.timer(this.#atTerminal ? TERMINAL_MS : PLAIN_MS, () => {
      if (this.#atTerminal) this.#draw()
      else this.#io.stderr.write(`${this.#line()}\n`)
      this.#next()
    })
  }

  #draw(): void {
    this.#clear()
    this.#io.stderr.write(this.#line())
    this.#drawn = true
  }

  #clear(): void {
    if (this.#drawn) this.#io.stderr.write('\r\x1b[K')
    this.#drawn = false
  }

  #line(): string {
    const seconds = (this.#clock.monotonic() - this.#begin) / 1000
    return progressLine(this.#counts, seconds, this.#total)
  }
}

/** One line for people; with a bar where the size of the input is known. */
export function progressLine({ acknowledged, bad, readBytes }: Counts, seconds: number, total?: number): string {
  const rate = seconds > 0 ? Math.round(acknowledged / seconds) : 0
  const figures = `${count(acknowledged)} acknowledged · ${count(rate)}/s${bad > 0 ? ` · ${count(bad)} bad` : ''}`
  if (total === undefined || total === 0) return figures
  const share = Math.min(1, readBytes / total)
  const full = Math.round(share * BAR)
  return `${'━'.repeat(full)}${'╌'.repeat(BAR - full)} ${String(Math.round(share * 100)).padStart(3)} % · ${figures}`
}

export function count(value: number): string {
  return value.toLocaleString('en-US')
}

/** Bytes of a file that stdin is connected to; undefined for a pipe or a terminal. */
function sizeOf(stdin: NodeJS.ReadableStream): number | undefined {
  const fd = (stdin as { readonly fd?: unknown }).fd
  if (typeof fd !== 'number') return undefined
  try {
    const stat = fstatSync(fd)
    return stat.isFile() ? stat.size : undefined
  } catch {
    // A closed stdin has nothing to show.
    return undefined
  }
}
