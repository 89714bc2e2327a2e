import { isReady, type KeptView, spoken, type Why } from '../../../model/index.ts'
import type { RunRow, WorkerStatus } from '../../../ops/control/index.ts'

/** How it is shown: colours, and how many characters fit beside each other. */
export interface Screen {
  readonly colour: boolean
  readonly columns: number
}

/** Idle partitions beyond this are counted, not listed; so are runs. */
const LISTED = 20

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
  const second = `${per(rates.messages, 'messages')} · ${per(rates.tasks, 'tasks')}${failed} ${dim(`(last ${rates.seconds} s)`)}`
  return [first, second, ...view.notReady.map((reason) => paint(screen, '31')(`not ready: ${reason}`))].join('\n')
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
  const busy = all.filter(({ why }) => why.kind !== 'idle')
  const idle = all.filter(({ why }) => why.kind === 'idle')
  const shown = [...busy, ...idle.slice(0, Math.max(0, LISTED - busy.length))].toSorted(
    (a, b) => a.at.topic.localeCompare(b.at.topic) || a.at.partition - b.at.partition,
  )
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
    return line.length + 3 + why.text.length <= screen.columns ? `${line}   ${text}` : `${line}\n    ${text}`
  })
  const more = all.length - shown.length
  return [...lines, ...(more > 0 ? [paint(screen, '2')(`and ${more} more, idle`)] : [])].join('\n')
}

function colourOf({ kind }: Why): string {
  if (kind === 'idle') return '2'
  if (kind === 'moving' || kind === 'fetching') return '32'
  return ['held', 'brokers', 'commit'].includes(kind) ? '31' : '33'
}

function runs({ runs: all, view }: WorkerStatus, screen: Screen): string {
  if (all.length === 0) return ''
  const shown = all.slice(0, LISTED)
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
