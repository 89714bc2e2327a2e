/**
 * flow/ends: where messages go that cannot be delivered, each with a receipt that it is there.
 * It never decides that a message dies, and never answers before its letter is durable.
 */
export { DEAD_LETTER_PREFIX, type DeadLetterMeta, deadLetterRecord } from './dead-letter-record.ts'
export {
  createDeadLetters,
  createTransactionalDeadLetters,
  type DeadLettersOptions,
  deadLetterTopic,
  type TransactionalDeadLettersOptions,
} from './dead-letters.ts'
export { discarding } from './discarding.ts'
export type { DeadLetter, DeadLetters } from './ends.ts'
export { createFileLetters, type FileLettersOptions } from './file-letters.ts'
export { checkLetterFolder, writeLetterFile } from './letter-file.ts'
