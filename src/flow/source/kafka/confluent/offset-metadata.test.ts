import fc from 'fast-check'
import { expect, test } from 'vitest'
import { frameMetadata, unframeMetadata } from './offset-metadata.ts'

// What the client does to a string: a NUL goes behind it on the wire, and the last byte of what is read is cut off.
const throughClient = (metadata: string): string => `${frameMetadata(metadata) ?? ''}\0`.slice(0, -1)
const copiedWithoutNul = (metadata: string): string => (frameMetadata(metadata) ?? '').slice(0, -1)
const copiedAgain = (metadata: string): string => `${frameMetadata(metadata) ?? ''}\0\0`.slice(0, -1)

test('metadata comes back exactly, through this client or copied by another', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (metadata) => {
      expect(unframeMetadata(throughClient(metadata))).toBe(metadata)
      expect(unframeMetadata(copiedWithoutNul(metadata))).toBe(metadata)
      if (metadata !== '') expect(unframeMetadata(copiedAgain(metadata))).toBe(metadata)
    }),
  )
})

test('a string without our mark comes as the client read it', () => {
  expect(unframeMetadata('ab')).toBe('ab')
  expect(unframeMetadata(undefined)).toBe('')
  expect(unframeMetadata(null)).toBe('')
})
