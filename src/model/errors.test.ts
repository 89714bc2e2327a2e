import { expect, it } from 'vitest'
import { reasonOf } from './errors.ts'

it('finds one line for whatever was thrown', () => {
  const cyclic: { self?: unknown; n: bigint } = { n: 1n }
  cyclic.self = cyclic
  expect([new Error('broke'), new TypeError(''), 'text', undefined, 7, cyclic].map(reasonOf)).toEqual([
    'broke',
    'TypeError',
    'text',
    'threw undefined',
    'threw 7',
    'threw <ref *1> { n: 1n, self: [Circular *1] }',
  ])
})
