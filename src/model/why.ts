import type { HeadView, PartitionView, WorkerView } from './view.ts'

/** Why a partition is where it is. */
export interface Why {
  /** Short and stable, the first of its reasons: `idle`, `moving`, `held`, `run`, `gate`, `paused`, … */
  readonly kind: string
  /** For people: every reason, the one that counts most first. */
  readonly text: string
}

/** A message that is taken in and waits no longer than this is on its way. */
const ON_ITS_WAY_MS = 1000
/** The connection of a broker may come and go: so long it is no reason. */
const BROKERS_AWAY_MS = 3000

/** The reason for which a partition stands where it stands. Pure: it sees what the view says. */
export function whyOf(view: WorkerView, at: PartitionView): Why {
  const reasons = reasonsOf(view, at)
  const [first] = reasons
  if (first === undefined) return idle(at)
  return { kind: first[0], text: reasons.map(([, text]) => text).join('; ') }
}

type Reason = readonly [kind: string, text: string]

function reasonsOf(view: WorkerView, at: PartitionView): Reason[] {
  const reasons: Reason[] = []
  if (view.phase === 'stopping' || view.phase === 'stopped') reasons.push([view.phase, `the worker is ${view.phase}`])
  for (const hold of at.holds) reasons.push(['held', `held: ${hold.reason}: ${hold.detail}`])
  const away = view.brokersAwayMs
  if (away !== null && away >= BROKERS_AWAY_MS)
    reasons.push(['brokers', `no answer from the brokers for ${spoken(away)}`])
  const failing = at.commitFailure
  if (failing !== null) reasons.push(['commit', `commit failing for ${spoken(failing.forMs)}: ${failing.error}`])
  if (!at.claimed) reasons.push(['claim', 'waiting for the broker to acknowledge that the partition is ours'])
  if (at.head !== null) {
    const [kind, text] = headReason(at.head, view)
    reasons.push([at.head.waits.forMs < ON_ITS_WAY_MS && reasons.length === 0 ? 'moving' : kind, text])
  }
  const paused = at.paused.filter((reason) => !reason.startsWith('held:') && reason !== 'stop')
  if (paused.length > 0) reasons.push(['paused', `paused: ${paused.map(pauseText).join(', ')}`])
  return reasons
}

function idle(at: PartitionView): Why {
  const behind = at.end === null ? 0 : at.end - at.position
  return behind > 0
    ? { kind: 'fetching', text: `waiting for records: ${behind} are in the log after offset ${at.position - 1}` }
    : { kind: 'idle', text: 'idle: nothing to do' }
}

function headReason(head: HeadView, view: WorkerView): Reason {
  const { waits } = head
  const at = `head offset ${head.offset}: `
  const since = spoken(waits.forMs)
  switch (waits.kind) {
    case 'run':
      return ['run', `${at}task ${waits.taskId} running ${since}${numbered(waits)}`]
    case 'gate':
      return [
        'gate',
        `${at}task ${waits.taskId} waiting at the gate for ${since} (${view.executor.running} of ${view.executor.slots} slots busy, ${view.executor.waiting} waiting)`,
      ]
    case 'hook':
      return ['hook', `${at}${waits.hook} has not answered for ${since}${of(waits.taskId)}`]
    case 'retry':
      return ['retry', `${at}task ${waits.taskId} failed; try ${waits.attempt} comes in ${spoken(waits.dueMs)}`]
    case 'delivery':
      return ['delivery', `${at}delivering to ${waits.sinks.join(', ')} for ${since}`]
    case 'dead-letter':
      return ['dead-letter', `${at}writing its dead letter for ${since}`]
    case 'window':
      return ['window', `${at}done, waiting for ${waits.others} other messages of its window for ${since}`]
    case 'queue':
      return ['queue', `${at}waiting for the window before it for ${since}`]
  }
}

function numbered({ pid, slot, attempt }: { pid: number | null; slot: number | null; attempt: number }): string {
  const parts = [
    ...(pid === null ? [] : [`pid ${pid}`]),
    ...(slot === null ? [] : [`slot ${slot}`]),
    ...(attempt === 1 ? [] : [`try ${attempt}`]),
  ]
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`
}

const of = (taskId: string | undefined): string => (taskId === undefined ? '' : ` (task ${taskId})`)

function pauseText(reason: string): string {
  return PAUSES[reason] ?? reason
}

const PAUSES: Readonly<Record<string, string>> = {
  'backpressure:messages': 'messages (as many are in flight as may be)',
  'backpressure:bytes': 'bytes (executor.max_buffered_bytes is reached)',
  span: 'span (too many offsets are finished above an unfinished one)',
  metadata: 'metadata (the commit cannot name more finished offsets)',
  staged: 'staged (too many outputs wait for their transaction)',
  commits: 'commits (none has been taken for seconds; what ends meanwhile would run again after a crash)',
  'offset-gap': 'the log no longer holds its position',
  drain: 'it is being handed over',
  operator: 'operator (`drakkar resume` ends it)',
}

/** `640 ms`, `12 s`, `3 min 5 s`, `2 h 10 min`. */
export function spoken(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  const seconds = Math.floor(ms / 1000)
  if (seconds < 300) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 120) return seconds % 60 === 0 ? `${minutes} min` : `${minutes} min ${seconds % 60} s`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
