import { describe, expect, it } from 'vitest'
import { endMarked, familyOf, markIn } from './marks.ts'

const limitsOf = (soft: string): string =>
  `Limit                     Soft Limit           Hard Limit           Units     \nMax realtime priority     0                    0                    \nMax realtime timeout      ${soft.padEnd(20)} unlimited            us        \n`

describe('marks of processes', () => {
  it('are read from the limits of a process', () => {
    const value = (1n << 62n) | (0xabcdefn << 38n) | (4_194_303n << 16n) | 65_535n
    expect(markIn(limitsOf(value.toString()))).toEqual({ family: 0xabcdef, launcher: 4_194_303 })
  })

  it.each(['unlimited', '0', '4611686018427387903', '9223372036854775808'])('%s is none', (soft) => {
    expect(markIn(limitsOf(soft))).toBeNull()
  })

  it('have a family of 24 bits, the same for the same path', () => {
    expect(familyOf('/tmp/drakkar-abc/s')).toBe(familyOf('/tmp/drakkar-abc/s'))
    expect(familyOf('/tmp/drakkar-abc/s')).not.toBe(familyOf('/tmp/drakkar-abd/s'))
    expect(familyOf('x')).toBeLessThan(2 ** 24)
  })

  it.each(['native', 'node'])('end nothing where nobody has them (%s)', (kind) => {
    expect(endMarked({ kind, pid: 2, socketPath: '/no/such/socket' })).toBe(0)
  })
})
