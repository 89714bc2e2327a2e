import type { Staging } from '../sinks/index.ts'
import type { DeadLetters } from './ends.ts'

/** With transactional sinks: a message that dies takes back what was staged with it, before its letter is written. */
export function discarding(letters: DeadLetters, staging: Pick<Staging, 'discard'>): DeadLetters {
  return {
    connect: () => letters.connect(),
    bury: (letter, signal) => {
      staging.discard(letter.assignment, letter.message.offset)
      return letters.bury(letter, signal)
    },
    close: () => letters.close(),
  }
}
