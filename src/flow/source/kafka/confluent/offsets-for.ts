import { partitionKey, type TopicPartition } from '../../../../model/index.ts'
import type { CommitRequest } from '../driver.ts'
import type { RdConsumer, RdPosition } from './client-types.ts'
import { toCommit } from './commits.ts'
import { CODE, driverError } from './errors.ts'

/** Gives offsets to a transaction, as those of this member of the group. */
export type SendOffsets = (positions: readonly RdPosition[], member: RdConsumer) => Promise<void>

/**
 * Sends offsets, and rejects where a partition is not ours, before or after. A member that has just lost its partitions
 * can be without a name in the group for a moment, and of one without a name the group refuses nothing; and what is sent
 * late goes out under the generation that gave a partition away. So it is looked at again when the offsets are there:
 * nothing is committed then, and the next owner cannot have begun before.
 */
export async function sendWhileOurs(
  requests: readonly CommitRequest[],
  send: SendOffsets,
  client: RdConsumer,
  isOurs: (at: TopicPartition) => boolean,
): Promise<void> {
  mustBeOurs()
  await send(requests.map(toCommit), client)
  mustBeOurs()

  function mustBeOurs(): void {
    const lost = requests.find((request) => !isOurs(request))
    if (lost === undefined && !client.assignmentLost()) return
    const what = lost === undefined ? 'the group has put us out' : `${partitionKey(lost)} is not assigned to us`
    throw driverError(CODE.assignmentLost, `offsets of a transaction: ${what}`)
  }
}
