/** What the worker says of itself. */
export interface WorkerFigures {
  readonly running: number
  readonly slots: number
  readonly waiting: number
  readonly retried: number
}

export const NOTHING_YET: WorkerFigures = { running: 0, slots: 0, waiting: 0, retried: 0 }

/** Asks the worker's metrics endpoint; the last known figures where it does not answer (not yet, or no more). */
export async function workerFigures(url: string, last: WorkerFigures): Promise<WorkerFigures> {
  try {
    const page = await (await fetch(url, { signal: AbortSignal.timeout(1_000) })).text()
    return {
      running: valueOf(page, 'drakkar_executor_pool_active'),
      slots: valueOf(page, 'drakkar_executor_pool_max'),
      waiting: valueOf(page, 'drakkar_executor_pool_waiting'),
      retried: valueOf(page, 'drakkar_task_retries_total'),
    }
  } catch {
    return last
  }
}

/** Sum of all series of a metric. */
function valueOf(page: string, name: string): number {
  let sum = 0
  for (const line of page.split('\n')) {
    if (!line.startsWith(name) || !/[ {]/.test(line.charAt(name.length))) continue
    sum += Number(line.slice(line.lastIndexOf(' ') + 1))
  }
  return sum
}
