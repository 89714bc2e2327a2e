/** What an error of a producer says about a record. */
export type ProducerErrorKind = 'permanent' | 'transient'

/**
 * Errors that the same record gets again, whoever sends it. A missing permission is none: it is of the topic, so of every
 * record, and somebody will give it.
 */
const PERMANENT = new Set(['MSG_SIZE_TOO_LARGE', 'INVALID_MSG_SIZE', 'INVALID_RECORD', 'INVALID_TIMESTAMP'])

/** librdkafka's name of an error without its prefix (`MSG_SIZE_TOO_LARGE`, `_TIMED_OUT`); '' where it has none. */
export function producerErrorCode(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return ''
  return typeof error.code === 'string' ? error.code.replace(/^ERR_/, '') : ''
}

/**
 * Whether the same record can be taken later. A partition that does not exist is the record's own fault only where the
 * handler chose the partition.
 */
export function producerErrorKind(error: unknown, partitionChosen: boolean): ProducerErrorKind {
  const code = producerErrorCode(error)
  if (PERMANENT.has(code)) return 'permanent'
  return partitionChosen && code === '_UNKNOWN_PARTITION' ? 'permanent' : 'transient'
}
