import { describe, expect, it } from 'vitest'
import { load } from '../../test/support/config-file.ts'
import { warnings } from './index.ts'

const CALM = 'sinks: { kafka: { out: { topic: results } } }'

describe('warnings', () => {
  it('none for what is fine', async () => {
    expect(warnings((await load(CALM)).config, 4)).toEqual([])
  })

  it.each([
    [
      'heartbeats',
      `${CALM}\nsources: { kafka: { heartbeat_interval_ms: 5000 } }`,
      'more than a third of session_timeout_ms (10000)',
    ],
    [
      'a short session',
      `${CALM}\nsources: { kafka: { session_timeout_ms: 5000, heartbeat_interval_ms: 1000 } }`,
      'brokers refuse less than 6000',
    ],
    [
      'more tasks than CPUs',
      `${CALM}\nexecutor: { max_executors: 5 }`,
      'max_executors is 5 and this machine has 4 CPUs',
    ],
    ['lingers twice', 'sinks: { kafka: { out: { topic: r, linger_ms: 5 } } }', 'sinks.kafka.out waits twice'],
    ['a loop', 'sinks: { kafka: { out: { topic: input-events } } }', 'results come back as messages'],
    ['dead letters among results', `${CALM}\ndlq: { topic: results }`, 'the topic of the dead letters too'],
    ['no sink', '', 'no sink is configured'],
    ['no cap', `${CALM}\nexecutor: { max_stdout_bytes: 0 }`, 'fills the memory'],
    [
      'a small buffer',
      `${CALM}\nexecutor: { max_buffered_bytes: 1048576 }`,
      'is below sources.kafka.max_message_bytes',
    ],
  ])('%s', async (_, yaml, said) => {
    expect(warnings((await load(yaml)).config, 4)).toEqual([expect.stringContaining(said)])
  })
})
