import { type Clock, type Deferred, deferred, type Timer } from '../../../../lib/index.ts'
import { partitionKey } from '../../../../model/index.ts'
import type { CommitAnswer, CommitRequest, DriverError } from '../driver.ts'
import type { RdConsumer, RdError, RdPosition } from './client-types.ts'
import { CODE, driverError, fromClient, wrongState } from './errors.ts'
import { frameMetadata } from './offset-metadata.ts'

/**
 * Metadata longer than this goes in a request of its own: the client tells one result for a whole request, and says
 * "committed" where the broker refused only some of it (a string over the broker's limit, for example).
 */
const LONG_METADATA = 512
/** Requests given up without an answer that are remembered, so that a late one is not taken for a later one's. */
const REMEMBERED = 256

interface Sent {
  readonly requests: readonly CommitRequest[]
  readonly answer: Deferred<readonly CommitAnswer[]>
}

/** Commits with the broker's answer: enqueue, then wait for the client's event about exactly these offsets. */
export class Commits {
  readonly #client: RdConsumer
  readonly #clock: Clock
  readonly #timeoutMs: number
  #sent: Sent[] = []
  #tail: Promise<unknown> = Promise.resolve()

  constructor(client: RdConsumer, clock: Clock, timeoutMs: number) {
    this.#client = client
    this.#clock = clock
    this.#timeoutMs = timeoutMs
    client.on('offset.commit', (error, positions) => this.#answered(error, positions))
  }

  /** One at a time; a second call waits for the first. */
  commit(requests: readonly CommitRequest[]): Promise<readonly CommitAnswer[]> {
    const mine = this.#tail.then(() => this.#commitAll(requests))
    this.#tail = mine.catch(() => undefined)
    return mine
  }

  /** Whoever still waits is told that no answer will come. */
  abandon(): void {
    for (const sent of this.#sent)
      sent.answer.reject(wrongState('the consumer was closed before the broker answered a commit'))
    this.#sent = []
  }

  async #commitAll(requests: readonly CommitRequest[]): Promise<readonly CommitAnswer[]> {
    const answers = await Promise.all(requestsToSend(requests).map((group) => this.#send(group)))
    return answers.flat()
  }

  async #send(requests: readonly CommitRequest[]): Promise<readonly CommitAnswer[]> {
    const sent: Sent = { requests, answer: deferred() }
    try {
      this.#client.commit(requests.map(toCommit))
    } catch (error) {
      throw fromClient(error as Error, `committing ${describe(requests)}`)
    }
    this.#sent.push(sent)
    if (this.#sent.length > REMEMBERED) this.#sent.shift()
    const timer: Timer = this.#clock.timer(this.#timeoutMs, () =>
      sent.answer.reject(
        driverError(CODE.timedOut, `no broker answered the commit of ${describe(requests)} in ${this.#timeoutMs} ms`),
      ),
    )
    try {
      return await sent.answer.promise
    } finally {
      timer.cancel()
    }
  }

  #answered(error: RdError | undefined, positions: readonly RdPosition[]): void {
    const at = this.#sent.findIndex((sent) => sameOffsets(sent.requests, positions))
    const [sent] = at < 0 ? [] : this.#sent.splice(at, 1)
    if (!sent) return
    const failure: DriverError | null = error ? fromClient(error, `committing ${describe(sent.requests)}`) : null
    sent.answer.resolve(
      sent.requests.map(({ topic, partition, offset }) => ({ topic, partition, offset, error: failure })),
    )
  }
}

/** One request per topic (errors are per topic or for all), and one for each long metadata string. */
export function requestsToSend(requests: readonly CommitRequest[]): readonly (readonly CommitRequest[])[] {
  const groups = new Map<string, CommitRequest[]>()
  for (const request of requests) {
    const key = request.metadata.length > LONG_METADATA ? partitionKey(request) : request.topic
    const group = groups.get(key)
    if (group) group.push(request)
    else groups.set(key, [request])
  }
  return [...groups.values()]
}

/** A commit in the client's form. */
export function toCommit(request: CommitRequest): RdPosition {
  const metadata = frameMetadata(request.metadata)
  return {
    topic: request.topic,
    partition: request.partition,
    offset: request.offset,
    ...(metadata === undefined ? {} : { metadata }),
    ...(request.leaderEpoch === undefined ? {} : { leaderEpoch: request.leaderEpoch }),
  }
}

function sameOffsets(requests: readonly CommitRequest[], positions: readonly RdPosition[]): boolean {
  if (requests.length !== positions.length) return false
  const offsets = new Map(positions.map((position) => [partitionKey(position), position.offset]))
  return requests.every((request) => offsets.get(partitionKey(request)) === request.offset)
}

function describe(requests: readonly CommitRequest[]): string {
  const first = requests[0]
  if (!first) return 'nothing'
  const more = requests.length > 1 ? ` and ${requests.length - 1} more` : ''
  return `${partitionKey(first)} at ${first.offset}${more}`
}
