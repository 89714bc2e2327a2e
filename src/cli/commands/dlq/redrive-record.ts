import type { OutgoingRecord } from '../../../flow/sinks/index.ts'
import { type Letter, REDRIVE_COUNT } from './letter.ts'

/** What is to be done with a letter, before anything is done. */
export type Plan =
  | { readonly kind: 'send'; readonly record: OutgoingRecord }
  /** It was put back too often, or nobody knows where it came from. */
  | { readonly kind: 'leave'; readonly why: 'looping' | 'no-source' }

/**
 * The message of a letter as it goes back: key, value and headers as they were, byte for byte, and one header more, how
 * often it was put back. `to`: another topic than its own.
 */
export function planRedrive(letter: Letter, to: string | undefined, maxRedrives: number): Plan {
  if (letter.redrives >= maxRedrives) return { kind: 'leave', why: 'looping' }
  const topic = to ?? letter.source?.topic
  if (topic === undefined) return { kind: 'leave', why: 'no-source' }
  const own = letter.headers.filter(([name]) => name !== REDRIVE_COUNT)
  return {
    kind: 'send',
    record: {
      topic,
      key: letter.stored.key,
      value: letter.stored.value,
      headers: [...own, [REDRIVE_COUNT, Buffer.from(String(letter.redrives + 1))]],
    },
  }
}
