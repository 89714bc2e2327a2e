import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Capture, cutAtCharacterEnd, cutAtCharacterStart } from './capture.ts'
import { TailRing } from './tail-ring.ts'

const chunks = fc.array(
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  { maxLength: 20 },
)

describe('Capture', () => {
  it('keeps everything, or the last so many bytes', () => {
    fc.assert(
      fc.property(chunks, fc.integer({ min: 0, max: 60 }), (parts, limit) => {
        const capture = new Capture(limit)
        for (const part of parts) capture.push(part)
        const all = Buffer.concat(parts)
        expect(capture.take()).toEqual(limit === 0 ? all : all.subarray(Math.max(0, all.length - limit)))
      }),
    )
  })
})

describe('TailRing', () => {
  it('keeps the last bytes', () => {
    fc.assert(
      fc.property(chunks, fc.integer({ min: 1, max: 60 }), (parts, size) => {
        const ring = new TailRing(size)
        for (const part of parts) ring.push(part)
        const all = Buffer.concat(parts)
        expect(Buffer.concat(ring.parts())).toEqual(all.subarray(Math.max(0, all.length - size)))
      }),
    )
  })
})

describe('a cut inside a character', () => {
  it('is moved to the edge of it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 12 }), fc.nat(40), (text, at) => {
        const whole = Buffer.from(text.replaceAll(/[\uD800-\uDFFF]/g, ''))
        const cut = Math.min(at, whole.length)
        const head = cutAtCharacterEnd(whole.subarray(0, cut))
        const tail = cutAtCharacterStart(whole.subarray(cut))
        expect(head.toString()).not.toContain('\uFFFD')
        expect(tail.toString()).not.toContain('\uFFFD')
        expect(head.length).toBeGreaterThan(cut - 4)
        expect(tail.length).toBeGreaterThan(whole.length - cut - 4)
      }),
    )
  })
})
