/** When a circuit opens, and how long it rests before it is tried again. */
export interface BreakerOptions {
  /** Attempts that fail one after the other, or refusals without a success between them, that open it. At least 1. */
  readonly failureThreshold: number
  /** From opening until the probe, milliseconds. */
  readonly cooldownMs: number
}

/** Closed: batches flow. Open: nothing goes out until `until`. Half open: one probe is out. */
export type Circuit =
  | { readonly phase: 'closed'; readonly failures: number }
  | { readonly phase: 'open'; readonly until: number }
  | { readonly phase: 'half-open' }

/** What happens to a circuit; `at` is monotonic time in milliseconds. */
export type CircuitStep =
  /** An attempt showed that the sink works. */
  | { readonly type: 'worked' }
  /** An attempt placed nothing and the sink is to blame. */
  | { readonly type: 'failed'; readonly at: number; readonly probe: boolean }
  /** Too many refusals without a success: the sink refuses whatever it gets. */
  | { readonly type: 'refused'; readonly at: number; readonly probe: boolean }
  /** There is a record to try. */
  | { readonly type: 'probe'; readonly at: number }

export const CLOSED: Circuit = { phase: 'closed', failures: 0 }

/** The circuit after a step. Attempts that began before it opened can close it, but not shut it again. */
export function nextCircuit(circuit: Circuit, step: CircuitStep, options: BreakerOptions): Circuit {
  switch (step.type) {
    case 'worked':
      return CLOSED
    case 'probe':
      return circuit.phase === 'open' && step.at >= circuit.until ? { phase: 'half-open' } : circuit
    case 'failed':
    case 'refused': {
      if (circuit.phase === 'open' || (circuit.phase === 'half-open' && !step.probe)) return circuit
      const failures = circuit.phase === 'closed' ? circuit.failures + 1 : options.failureThreshold
      return step.type === 'failed' && failures < options.failureThreshold
        ? { phase: 'closed', failures }
        : { phase: 'open', until: step.at + options.cooldownMs }
    }
  }
}

/** The value of the `sink_circuit` event. */
export function circuitValue(circuit: Circuit): 0 | 0.5 | 1 {
  if (circuit.phase === 'closed') return 0
  return circuit.phase === 'open' ? 1 : 0.5
}
