import { number, type Paint } from './paint.ts'

/** One moment of the run. */
export interface Moment {
  readonly seconds: number
  /** What it is doing, in a few words. */
  readonly doing: string
  readonly total: number
  readonly produced: number
  readonly answers: number
  readonly dead: number
  readonly committed: number
  readonly running: number
  readonly slots: number
  readonly waiting: number
  readonly retried: number
  /** Messages that ended in each of the last steps of half a second, oldest first. */
  readonly rates: readonly number[]
}

const STEPS_PER_SECOND = 2
const LEVELS = '▁▂▃▄▅▆▇█'
const LEAST_BAR = 10
const MOST_BAR = 48
/** Columns of a bar's line that are not the bar. */
const AROUND = 24
/** Columns in front of what can be cut short. A line that wraps would break the redrawing. */
const LABELS = 22

/** The block that a terminal shows, redrawn many times a second. */
export function block(moment: Moment, columns: number, { bold, cyan, dim, green, red }: Paint): readonly string[] {
  const { answers, dead, total } = moment
  const room = Math.min(MOST_BAR, columns - AROUND)
  const line = (name: string, value: number, colour: (text: string) => string): string => {
    const bar = room < LEAST_BAR ? '' : `${colouredBar(value, total, room, colour, dim)}  `
    return `  ${name.padEnd(11)}${bar}${bold(number(value).padStart(7))}`
  }
  const slots = Array.from({ length: Math.min(moment.slots, 16, Math.floor((columns - LABELS) / 2)) }, (_, at) =>
    at < moment.running ? cyan('●') : dim('○'),
  )
  const figure = (name: string, value: string, graph: string): string =>
    `  ${name.padEnd(11)}${bold(value.padEnd(8))}${graph}`
  return [
    '',
    line('produced', moment.produced, cyan),
    line('done', answers + dead, green),
    line('committed', moment.committed, green),
    '',
    figure('running', `${number(moment.running)} of ${number(moment.slots)}`, slots.join(' ')),
    figure('tasks/s', number(rateNow(moment.rates)), cyan(spark(moment.rates, Math.min(24, columns - LABELS)))),
    `  ${'failed'.padEnd(11)}${number(moment.retried)} run again, ${dead > 0 ? red(number(dead)) : '0'} dead letters`,
    '',
    `  ${dim(`${moment.seconds.toFixed(1).padStart(5)} s  ${moment.doing.slice(0, columns - LABELS)}`)}`,
  ]
}

/** The line that is written now and then where there is no terminal. */
export function plainLine(moment: Moment): string {
  const { answers, dead } = moment
  const figures = [
    `produced ${number(moment.produced)}`,
    `running ${number(moment.running)}`,
    `done ${number(answers + dead)} (${number(dead)} dead letters, ${number(moment.retried)} run again)`,
    `committed ${number(moment.committed)} of ${number(moment.total)}`,
    `${number(rateNow(moment.rates))}/s`,
    moment.doing,
  ]
  return `${moment.seconds.toFixed(1).padStart(6)} s  ${figures.join(' · ')}`
}

/** Per second, over the last two seconds. */
function rateNow(rates: readonly number[]): number {
  const last = rates.slice(-2 * STEPS_PER_SECOND)
  return last.length === 0 ? 0 : (last.reduce((sum, rate) => sum + rate, 0) / last.length) * STEPS_PER_SECOND
}

function colouredBar(
  value: number,
  total: number,
  width: number,
  colour: (text: string) => string,
  rest: (text: string) => string,
): string {
  const full = total === 0 ? 0 : Math.floor(Math.min(1, value / total) * width)
  return `${colour('━'.repeat(full))}${rest('─'.repeat(width - full))}`
}

function spark(rates: readonly number[], width: number): string {
  const shown = rates.slice(-width)
  const most = Math.max(1, ...shown)
  return shown.map((rate) => LEVELS[Math.round((rate / most) * (LEVELS.length - 1))]).join('')
}
