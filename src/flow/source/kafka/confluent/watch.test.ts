import { expect, test } from 'vitest'
import type { Stats } from './stats.ts'
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
