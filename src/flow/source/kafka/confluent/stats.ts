import type { TopicPartition } from '../../../../model/index.ts'
import type { ClientState } from '../driver.ts'

/** What is read of the client's statistics document. */
export interface Stats {
  readonly brokers?: Readonly<Record<string, { readonly state?: string }>>
  readonly topics?: Readonly<
    Record<
      string,
      {
        readonly partitions?: Readonly<
          Record<
            string,
            {
              readonly partition: number
              readonly fetch_state: string
              readonly ls_offset?: number
              readonly app_offset?: number
            }
          >
        >
      }
    >
  >
}

/** States of a broker's connection in which it answers. */
const CONNECTED: ReadonlySet<string> = new Set(['UP', 'UPDATE'])

/** How the client stands to its brokers, and where the logs of its partitions end. */
export function clientState({ brokers = {}, topics = {} }: Stats, owned: readonly TopicPartition[]): ClientState {
  const ends = owned.flatMap(({ topic, partition }) => {
    // Both below zero before the first fetch.
    const { ls_offset: end = -1, app_offset: handedOn = -1 } = topics[topic]?.partitions?.[partition] ?? {}
    return end < 0 ? [] : [{ topic, partition, end, handedOn: handedOn >= end }]
  })
  return { connected: Object.values(brokers).some(({ state }) => CONNECTED.has(state ?? '')), ends }
}
