import { DriverError } from '../../flow/source/index.ts'

/** The errors of the real client that the model answers with, by librdkafka's names and numbers. */
const CODES = {
  ERR_OFFSET_OUT_OF_RANGE: [1, false],
  ERR_UNKNOWN_TOPIC_OR_PART: [3, false],
  ERR_MSG_SIZE_TOO_LARGE: [10, false],
  ERR_OFFSET_METADATA_TOO_LARGE: [12, false],
  ERR_COORDINATOR_LOAD_IN_PROGRESS: [14, true],
  ERR_COORDINATOR_NOT_AVAILABLE: [15, true],
  ERR_ILLEGAL_GENERATION: [22, false],
  ERR_UNKNOWN_MEMBER_ID: [25, false],
  ERR_REBALANCE_IN_PROGRESS: [27, true],
  ERR_FENCED_INSTANCE_ID: [82, false],
  ERR_UNSTABLE_OFFSET_COMMIT: [88, true],
  ERR__FENCED: [-144, false],
  ERR__ASSIGNMENT_LOST: [-142, false],
  ERR__MAX_POLL_EXCEEDED: [-147, false],
  ERR__STATE: [-172, false],
  ERR__TIMED_OUT: [-185, true],
  ERR__MSG_TIMED_OUT: [-192, true],
  ERR__TRANSPORT: [-195, true],
} as const satisfies Record<string, readonly [errno: number, retriable: boolean]>

export type ModelErrorCode = keyof typeof CODES

export function driverError(code: ModelErrorCode, message: string, fatal = false): DriverError {
  const [errno, retriable] = CODES[code]
  return new DriverError(message, { code, errno, retriable, fatal })
}
