import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'
import { sampleView } from '../../../../test/support/worker-events.ts'
import { type PartitionView, whyOf } from '../../../model/index.ts'
import type { WorkerStatus } from '../../../ops/control/index.ts'
import { cutLine, frame } from './frame.ts'
import { paced } from './pace.ts'

const [sample] = sampleView().partitions as readonly [PartitionView]

function statusOf(partitions: readonly PartitionView[], over: Partial<WorkerStatus> = {}): WorkerStatus {
  const view = sampleView({ partitions })
  const run = { topic: 'jobs', partition: 3, offset: 41, attempt: 2, slot: 1, pid: 99, forMs: 154_000 }
  return {
    version: '0.1.0',
    pid: 4711,
    group: 'scoring',
    uptimeMs: 100_000,
    view,
    whys: partitions.map((at) => whyOf(view, at)),
    runs: Array.from({ length: 8 }, (_, at) => ({ ...run, taskId: `jobs:3:41:${at}` })),
    launchers: [{ index: 0, kind: 'native', pid: 4720 }],
    rates: { seconds: 30, messages: 1_000, tasks: 1_000, failed: 0 },
    counts: { messages: 5_000, tasks: 5_100, failed: 2 },
    ...over,
  }
}

const behind = (lag: number): PartitionView => ({ ...sample, position: 100, end: 100 + lag })

describe('rates since the look before', () => {
  const before = statusOf([behind(300)])

  it('come from the counts and the clock of the worker', () => {
    const now = statusOf([behind(240)], { uptimeMs: 102_500, counts: { messages: 5_100, tasks: 5_125, failed: 7 } })
    const { status, lagPerSecond } = paced(before, now)
    expect(status.rates).toEqual({ seconds: 2.5, messages: 40, tasks: 10, failed: 2 })
    expect(lagPerSecond).toBe(-24)
  })

  it('are what the worker tells at the first look, and of another process', () => {
    expect(paced(null, before)).toEqual({ status: before })
    const other = statusOf([behind(1)], { pid: 1, uptimeMs: 200_000 })
    expect(paced(before, other)).toEqual({ status: other })
  })

  it('say nothing of the lag after a rebalance, or where the end is not known', () => {
    const later = { uptimeMs: 101_000 }
    expect(paced(before, statusOf([{ ...behind(1), epoch: 2 }], later))).not.toHaveProperty('lagPerSecond')
    expect(paced(before, statusOf([{ ...sample, end: null }], later))).not.toHaveProperty('lagPerSecond')
  })
})

describe('a frame', () => {
  const many = Array.from({ length: 40 }, (_, partition) => ({ ...behind(5), partition }))
  const screen = { colour: false, columns: 100, lagPerSecond: -3.5 }

  it.each([60, 24, 14, 5, 1])('has at most %i rows, however much there is to show', (rows) => {
    const lines = frame(statusOf(many), screen, rows, 'below')
    expect(lines.length).toBeLessThanOrEqual(rows)
    expect(lines[0]).toMatch(/^w1 {2}ready/)
    if (rows > 2) expect(lines.at(-1)).toBe('below')
  })

  it('shows the lag and where it goes, and fewer runs before fewer partitions', () => {
    const lines = frame(statusOf(many.slice(0, 3)), screen, 24, 'below')
    expect(lines[1]).toBe('1,000 messages/s · 1,000 tasks/s (last 30 s) · lag 15 (−3.5/s)')
    expect(lines.filter((line) => /^jobs\/\d/.test(line))).toHaveLength(3)
    const runs = lines.filter((line) => line.startsWith('jobs:3:41:'))
    expect(runs.length).toBeGreaterThanOrEqual(3)
    expect(runs.length).toBeLessThan(8)
    const tall = frame(statusOf(many), screen, 40, 'below')
    expect(tall.filter((line) => line.startsWith('jobs:3:41:'))).toHaveLength(3)
    expect(tall.join('\n')).toMatch(/^and \d+ more$/m)
  })

  it('is never wider than the screen, in colour as without', () => {
    for (const colour of [false, true]) {
      for (const line of frame(statusOf(many), { ...screen, colour, columns: 40 }, 24, 'b'.repeat(50))) {
        expect(stripVTControlCharacters(line).length).toBeLessThanOrEqual(40)
      }
    }
    expect(cutLine('\u001B[31mabcdef\u001B[0m', 4)).toBe('\u001B[31mabc…\u001B[0m')
    expect(cutLine('\u001B[31mabcd\u001B[0m', 4)).toBe('\u001B[31mabcd\u001B[0m')
    expect(cutLine('abcde', 4)).toBe('abc…')
  })
})
