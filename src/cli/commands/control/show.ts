import { isReady, type KeptView, spoken, type Why, type WorkerView } from '../../../model/index.ts'
import type { RunRow, WorkerStatus } from '../../../ops/control/index.ts'

/** How it is shown: colours, and how many characters fit beside each other. */
export interface Screen {
  readonly colour: boolean
  readonly columns: number
  /** So many partitions and runs are listed at most, each. Default 20. */
  readonly listed?: { readonly partitions: number; readonly runs: number }
  /** True: a reason stays on the line of its partition, also where it is too long for that. */
  readonly tight?: boolean
  /** By how much the lag grows, messages a second; less than 0: it shrinks. Unset: not known. */
  readonly lagPerSecond?: number
}

/** Partitions and runs beyond these are counted, not listed; idle ones first. */
const LISTED = { partitions: 20, runs: 20 }

/** A worker's status as text for people. */
export function statusText(status: WorkerStatus, screen: Screen): string {
  const parts = [heading(status, screen), executor(status, screen), partitions(status, screen), runs(status, screen)]
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`
}

type Paint = (text: string) => string

const paint =
  ({ colour }: Screen, code: string): Paint =>
  (text) =>
    colour && text !== '' ? `\u001B[${code}m${text}\u001B[0m` : text

function heading({ view, pid, uptimeMs, group, version, rates }: WorkerStatus, screen: Screen): string {
  const bold = paint(screen, '1')
  const state = isReady(view) ? paint(screen, '32')('ready') : paint(screen, '31')(stateOf(view.phase))
  const dim = paint(screen, '2')
  const first = `${bold(view.workerId)}  ${state}  ${dim(`pid ${pid} · up ${spoken(uptimeMs)} · group ${group} · drakkar ${version}`)}`
  const per = (value: number, what: string): string => `${rounded(value)} ${what}/s`
  const failed = rates.failed > 0 ? ` · ${paint(screen, '33')(per(rates.failed, 'failed'))}` : ''
  const second = `${per(rates.messages, 'messages')} · ${per(rates.tasks, 'tasks')}${failed} ${dim(`(last ${rates.seconds} s)`)}${lagText(view, screen)}`
  return [first, second, ...view.notReady.map((reason) => paint(screen, '31')(`not ready: ${reason}`))].join('\n')
}

/** Of all partitions whose end is known; nothing where none is. */
export function lagOf({ partitions: all }: WorkerView): number | null {
  const known = all.flatMap(({ end, position }) => (end === null ? [] : [Math.max(0, end - position)]))
  return known.length === 0 ? null : known.reduce((sum, lag) => sum + lag, 0)
}

function lagText(view: WorkerView, { lagPerSecond }: Screen): string {
  const lag = lagOf(view)
  if (lag === null) return ''
  if (lagPerSecond === undefined || Math.abs(lagPerSecond) < 0.05) return ` · lag ${grouped(lag)}`
  return ` · lag ${grouped(lag)} (${lagPerSecond > 0 ? '+' : '−'}${rounded(Math.abs(lagPerSecond))}/s)`
}

const stateOf = (phase: string): string => (phase === 'ready' ? 'not ready' : phase)

function executor({ view, launchers }: WorkerStatus, screen: Screen): string {
  const { slots, running, waiting } = view.executor
  const busy = `${running} of ${slots} slots busy`
  const lines = [
    ['executor', `${running === slots ? paint(screen, '33')(busy) : busy} · ${counted(waiting, 'task')} waiting`],
    ...view.executor.kept.map((kept) => [kept.runner, keptText(kept)]),
    ['launchers', launchers.map(({ kind, pid }) => `${kind} ${pid}`).join(' · ') || 'none'],
    ...view.sinks.map(({ kind, name, connected, pending }) => [
      'sink',
      `${kind}:${name}  ${connected ? 'connected' : paint(screen, '31')('not connected')} · ${counted(pending, 'record')} pending`,
    ]),
  ]
  return lines.map(([name = '', text = '']) => `${paint(screen, '2')(name.padEnd(11))}${text}`).join('\n')
}

function keptText({ runner, what, live, leaving, most, configured }: KeptView): string {
  const end = leaving === 0 ? '' : ` · ${leaving} more end with their tasks`
  const fixed = configured ? ` · fixed by executor.${runner}.${what}` : ''
  return `${live} of ${most} ${what}${end}${fixed}`
}

function partitions({ view, whys }: WorkerStatus, screen: Screen): string {
  if (view.partitions.length === 0) {
    const away = view.brokersAwayMs
    if (away === null) return 'No partition is assigned.'
    return `No partition is assigned, and no broker has answered for ${Math.round(away / 1000)} s.`
  }
  const all = view.partitions.map((at, index) => ({ at, why: whys[index] ?? { kind: 'idle', text: '' } }))
  const listed = (screen.listed ?? LISTED).partitions
  const busy = all.filter(({ why }) => why.kind !== 'idle')
  const idle = all.filter(({ why }) => why.kind === 'idle')
  // Without a screen to fit into, every partition that has something to do is listed.
  const shown = [
    ...(screen.listed === undefined ? busy : busy.slice(0, listed)),
    ...idle.slice(0, Math.max(0, listed - busy.length)),
  ].toSorted((a, b) => a.at.topic.localeCompare(b.at.topic) || a.at.partition - b.at.partition)
  const rows = shown.map(({ at }) => [
    `${at.topic}/${at.partition}`,
    grouped(at.position),
    at.committed === null ? '–' : grouped(at.committed),
    at.end === null ? '–' : grouped(Math.max(0, at.end - at.position)),
    grouped(at.inFlight),
  ])
  const head = ['partition', 'position', 'committed', 'lag', 'in flight']
  const lines = table([head, ...rows], 1).map((line, index) => {
    const why = shown[index - 1]?.why
    if (why === undefined) return paint(screen, '2')(`${line}   why`)
    const text = paint(screen, colourOf(why))(why.text)
    return screen.tight === true || line.length + 3 + why.text.length <= screen.columns
      ? `${line}   ${text}`
      : `${line}\n    ${text}`
  })
  const more = all.length - shown.length
  const rest = `and ${more} more${shown.length < busy.length ? '' : ', idle'}`
  return [...lines, ...(more > 0 ? [paint(screen, '2')(rest)] : [])].join('\n')
}

function colourOf({ kind }: Why): string {
  if (kind === 'idle') return '2'
  if (kind === 'moving' || kind === 'fetching') return '32'
  return ['held', 'brokers', 'commit'].includes(kind) ? '31' : '33'
}

function runs({ runs: all, view }: WorkerStatus, screen: Screen): string {
  if (all.length === 0) return ''
  const shown = all.slice(0, (screen.listed ?? LISTED).runs)
  if (shown.length === 0) return ''
  const rows = shown.map((run) => [
    run.taskId,
    placeOf(run),
    spoken(run.forMs),
    run.pid === null ? '–' : String(run.pid),
    run.slot === null ? '–' : String(run.slot),
    String(run.attempt),
  ])
  const lines = table([['running task', 'offset', 'for', 'pid', 'slot', 'try'], ...rows], 2)
  const more = view.executor.running - shown.length
  const [head = '', ...rest] = lines
  return [
    paint(screen, '2')(head),
    ...rest,
    ...(more > 0 ? [paint(screen, '2')(`and ${more} more, running for less long`)] : []),
  ].join('\n')
}

const placeOf = ({ topic, partition, offset }: RunRow): string =>
  `${topic}/${partition}${offset === null ? '' : ` ${offset}`}`

/** Columns beside each other; the first `left` of them flush left, numbers flush right. */
function table(rows: readonly (readonly string[])[], left: number): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  return rows.map((row) =>
    row
      .map((cell, column) => (column < left ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('   '),
  )
}

const grouped = (value: number): string => value.toLocaleString('en-US')
const rounded = (value: number): string => (value >= 10 ? grouped(Math.round(value)) : value.toFixed(1))
const counted = (count: number, what: string): string => `${grouped(count)} ${what}${count === 1 ? '' : 's'}`
