import { describe, expect, it } from 'vitest'
import { OomKills } from './oom-kills.ts'

describe('out-of-memory kills', () => {
  it('are claimed once each, also several at a time', () => {
    let counted: number | null = 3
    const kills = new OomKills(() => counted)
    expect(kills.claim()).toBe(false)
    counted = 5
    expect([kills.claim(), kills.claim(), kills.claim()]).toEqual([true, true, false])
    counted = 6
    expect(kills.claim()).toBe(true)
  })

  it('are never claimed where nobody counts', () => {
    expect(new OomKills(() => null).claim()).toBe(false)
  })
})
