/** What goes wrong at the model broker. Shares are between 0 and 1; the defaults are a healthy broker. */
export interface BrokerFaults {
  /** Way of a request or an answer, milliseconds. */
  latencyMs: readonly [min: number, max: number]
  /** Share of commits that the broker refuses as a whole, in a way that may pass. */
  commitRefused: number
  /** Share of commits that never reach the broker. */
  commitLost: number
  /** Share of commits that the broker took, whose answer never arrives. */
  commitAnswerLost: number
  /** Share of records that are not taken, in a way that may pass. */
  produceFailed: number
  /** Share of records that are taken, whose acknowledgement never arrives. */
  produceAnswerLost: number
  /** Share of other requests (committed positions, watermarks, descriptions) that fail. */
  queryFailed: number
  /** Share of polls that were under way and still bring records of a partition that was just given up. */
  lateRecords: number
  /** Topics that take no record at the moment. */
  readonly closedTopics: Set<string>
}

export function noFaults(): BrokerFaults {
  return {
    latencyMs: [1, 3],
    commitRefused: 0,
    commitLost: 0,
    commitAnswerLost: 0,
    produceFailed: 0,
    produceAnswerLost: 0,
    queryFailed: 0,
    lateRecords: 0,
    closedTopics: new Set(),
  }
}

/** Ends every fault; latencies become those of a healthy broker. */
export function heal(faults: BrokerFaults): void {
  faults.closedTopics.clear()
  const { closedTopics: _, ...healthy } = noFaults()
  Object.assign(faults, healthy)
}
