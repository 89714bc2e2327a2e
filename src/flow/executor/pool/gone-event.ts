import type { EventOf } from '../../../model/index.ts'
import { howItEnded, type PoolFacts } from './pool-outcome.ts'
import type { PoolProcess, ProcessEnd } from './pool-process.ts'

const FAULTS: Readonly<Record<string, string>> = {
  own: 'died',
  closed: 'closed',
  violation: 'protocol',
  'not-ready': 'not-ready',
}

/** What is announced of a process that is gone. */
export function goneEvent(
  process: Pick<PoolProcess<unknown>, 'pid' | 'tasks' | 'startedAt'>,
  end: ProcessEnd,
  facts: PoolFacts,
  now: number,
  inFlight: number,
): EventOf<'pool_process_ended'> {
  const { cause } = end
  const fault = cause.kind === 'own' && end.report.kind === 'lost' ? 'launcher-lost' : FAULTS[cause.kind]
  return {
    type: 'pool_process_ended',
    program: facts.program,
    pid: process.pid === 0 ? null : process.pid,
    why: fault ?? (cause.kind === 'recycled' ? cause.reason : cause.kind),
    fault: fault !== undefined,
    tasks: process.tasks,
    inFlight,
    ageMs: now - process.startedAt,
    detail: fault === undefined ? '' : howItEnded(end, facts),
  }
}
