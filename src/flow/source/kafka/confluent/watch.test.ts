import { expect, test } from 'vitest'
import { clientState, type Stats } from './stats.ts'
import { PositionWatch } from './watch.ts'

const at = (partition: number) => ({ topic: 't', partition })
const stats = (...states: readonly string[]): Stats => ({
  topics: {
    t: {
      partitions: Object.fromEntries(states.map((fetch_state, partition) => [partition, { partition, fetch_state }])),
    },
  },
})

test('a stopped partition is told once, at the second look, and again after a new position', () => {
  const watch = new PositionWatch()
  const owned = [at(0), at(1)]
  expect(watch.read(stats('none', 'active', 'none'), owned)).toEqual([])
  expect(watch.read(stats('none', 'none', 'none'), owned)).toEqual([at(0)])
  expect(watch.read(stats('none', 'active', 'none'), owned)).toEqual([])
  watch.forget(at(0))
  expect(watch.read(stats('none', 'none', 'none'), owned)).toEqual([])
  expect(watch.read(stats('none', 'none', 'none'), owned)).toEqual([at(0), at(1)])
})

test('topics and partitions that the statistics do not name are left alone', () => {
  const watch = new PositionWatch()
  for (let look = 0; look < 3; look += 1) expect(watch.read({}, [at(0)])).toEqual([])
})

test('a client is connected where one broker answers, and knows the ends of what it has fetched', () => {
  const topics = {
    t: {
      partitions: {
        0: { partition: 0, fetch_state: 'active', ls_offset: 12 },
        1: { partition: 1, fetch_state: 'active', ls_offset: -1001 },
        2: { partition: 2, fetch_state: 'active', ls_offset: 7 },
      },
    },
  }
  const brokers = { 'a:9092/1': { state: 'DOWN' }, 'b:9092/2': { state: 'UP' } }
  expect(clientState({ brokers, topics }, [at(0), at(1), at(3)])).toEqual({
    connected: true,
    ends: [{ ...at(0), end: 12 }],
  })
  expect(clientState({ brokers: { 'a:9092/1': { state: 'TRY_CONNECT' } } }, [at(0)])).toEqual({
    connected: false,
    ends: [],
  })
})
