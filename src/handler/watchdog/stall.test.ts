import { describe, expect, it } from 'vitest'
import { Stall } from './stall.ts'

const limits = { warnMs: 1000, stallMs: 3000, tickMs: 250 }

function looks(stall: Stall, beat: number, times: number, sinceMs = 250): string[] {
  return Array.from({ length: times }, () => stall.look(beat, sinceMs))
}

describe('stall', () => {
  it('is fine while the beat moves', () => {
    const stall = new Stall(limits, 0)
    for (let beat = 1; beat < 100; beat += 1) expect(stall.look(beat, 250)).toBe('fine')
  })

  it('warns once, then ends once', () => {
    const stall = new Stall(limits, 0)
    const seen = looks(stall, 0, 20)
    expect(seen.indexOf('warn')).toBe(3)
    expect(seen.indexOf('stalled')).toBe(11)
    expect(seen.filter((one) => one === 'warn' || one === 'stalled')).toEqual(['warn', 'stalled'])
  })

  it('reports the recovery with the time that was lost, and begins anew', () => {
    const stall = new Stall(limits, 0)
    looks(stall, 0, 6)
    expect(stall.look(1, 250)).toBe('recovered')
    expect(stall.silentMs).toBe(1500)
    stall.reset()
    expect(looks(stall, 1, 4)).toEqual(['fine', 'fine', 'fine', 'warn'])
  })

  it('does not report a recovery from a silence that was never warned of', () => {
    const stall = new Stall(limits, 0)
    looks(stall, 0, 3)
    expect(stall.look(1, 250)).toBe('fine')
    expect(looks(stall, 1, 3)).toEqual(['fine', 'fine', 'fine'])
  })

  it('does not blame a process that was stopped as a whole', () => {
    const stall = new Stall(limits, 0)
    expect(stall.look(0, 3_600_000)).toBe('fine')
    expect(stall.silentMs).toBe(500)
  })
})
