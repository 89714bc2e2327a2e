import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type CancelListener, Cancellation, type CancelSignal } from './cancellation.ts'

type Step = 'abort' | { readonly add: number } | { readonly remove: number }

const listener = fc.nat(3)
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(fc.constant('abort' as const), fc.record({ add: listener }), fc.record({ remove: listener })),
)

/** Who is called when, by number; the odd ones are objects. */
function calls(signal: CancelSignal, abort: () => void, todo: readonly Step[]): readonly string[] {
  const seen: string[] = []
  const listeners = Array.from({ length: 4 }, (_, n): CancelListener => {
    const hear = (): void => void seen.push(`${n} ${signal.aborted}`)
    return n % 2 === 0 ? hear : { handleEvent: hear }
  })
  for (const step of todo) {
    if (step === 'abort') abort()
    else if ('add' in step) signal.addEventListener('abort', listeners[step.add] as CancelListener)
    else signal.removeEventListener('abort', listeners[step.remove] as CancelListener)
  }
  return [...seen, `aborted: ${signal.aborted}`]
}

test('it does what an AbortSignal does', () => {
  fc.assert(
    fc.property(steps, (todo) => {
      const model = new AbortController()
      const cancellation = new Cancellation()
      expect(calls(cancellation, () => cancellation.abort(), todo)).toEqual(
        calls(model.signal, () => model.abort(), todo),
      )
    }),
  )
})
