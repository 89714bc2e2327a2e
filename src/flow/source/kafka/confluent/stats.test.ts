import { expect, it } from 'vitest'
import { clientState } from './stats.ts'

const at = (partition: number): { topic: string; partition: number } => ({ topic: 't', partition })

it('a client is connected where one broker answers, and knows the ends of what it has fetched', () => {
  const topics = {
    t: {
      partitions: {
        0: { partition: 0, fetch_state: 'active', ls_offset: 12, app_offset: -1001 },
        1: { partition: 1, fetch_state: 'active', ls_offset: -1001, app_offset: -1001 },
        2: { partition: 2, fetch_state: 'active', ls_offset: 7, app_offset: 7 },
      },
    },
  }
  const brokers = { 'a:9092/1': { state: 'DOWN' }, 'b:9092/2': { state: 'UP' } }
  expect(clientState({ brokers, topics }, [at(0), at(1), at(3)])).toEqual({
    connected: true,
    ends: [{ ...at(0), end: 12, handedOn: false }],
  })
  expect(clientState({ brokers: { 'a:9092/1': { state: 'TRY_CONNECT' } } }, [at(0)])).toEqual({
    connected: false,
    ends: [],
  })
})

it('tells where all records before the end were handed on, marks of transactions included', () => {
  const handedOn = (of: object): boolean | undefined =>
    clientState({ topics: { t: { partitions: { 0: { partition: 0, fetch_state: 'active', ...of } } } } }, [at(0)])
      .ends[0]?.handedOn
  expect(handedOn({ ls_offset: 4, app_offset: 2 })).toBe(false)
  expect(handedOn({ ls_offset: 4, app_offset: 4 })).toBe(true)
})
