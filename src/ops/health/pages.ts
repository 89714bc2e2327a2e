import { isReady, type WorkerView, whyOf } from '../../model/index.ts'

/** What the server answers. */
export interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}

const TEXT = 'text/plain; charset=utf-8'
const JSON_TYPE = 'application/json; charset=utf-8'

export function plain(status: number, body: string): Answer {
  return { status, type: TEXT, body: `${body}\n` }
}

/** 200 where the worker is ready, else 503 with every reason; for machines also where each partition stands, and why. */
export function readiness(view: WorkerView, wantsText: boolean): Answer {
  const ready = isReady(view)
  const reasons = view.phase === 'ready' ? view.notReady : [phaseReason(view.phase), ...view.notReady]
  const status = ready ? 200 : 503
  if (wantsText) return plain(status, ready ? 'ready' : ['not ready:', ...reasons.map((one) => `- ${one}`)].join('\n'))
  const partitions = view.partitions.map((at) => {
    const { kind, text } = whyOf(view, at)
    return { topic: at.topic, partition: at.partition, kind, why: text }
  })
  return { status, type: JSON_TYPE, body: `${JSON.stringify({ ready, reasons: ready ? [] : reasons, partitions })}\n` }
}

function phaseReason(phase: WorkerView['phase']): string {
  return phase === 'starting' ? 'the worker is starting' : `the worker is ${phase}`
}

/** People with curl read lines; machines get JSON unless they ask for text. */
export function wantsText(headers: {
  readonly accept?: string | undefined
  readonly 'user-agent'?: string | undefined
}): boolean {
  const accept = headers.accept ?? '*/*'
  if (accept.includes('application/json')) return false
  return accept.includes('text/plain') || (headers['user-agent']?.startsWith('curl/') ?? false)
}

export function index(view: WorkerView, withMetrics: boolean): Answer {
  const links = [
    ...(withMetrics ? [['/metrics', 'metrics for Prometheus']] : []),
    ['/healthz', 'is the process alive'],
    ['/readyz', 'is the worker ready, and if not, why'],
  ]
  const items = links.map(([path, what]) => `<li><a href="${path}">${path}</a>: ${what}</li>`).join('')
  const body = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Drakkar</title><h1>Drakkar worker ${escaped(view.workerId)}</h1><p>${escaped(view.phase)}</p><ul>${items}</ul></html>\n`
  return { status: 200, type: 'text/html; charset=utf-8', body }
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
