import { backoffMs, sleep } from '../../lib/index.ts'
import {
  type Death,
  type DeathStage,
  type DeliveryFailure,
  type Message,
  type Outputs,
  reasonOf,
} from '../../model/index.ts'
import type { Refusal, RoutedRecord } from '../sinks/index.ts'
import { groupOfMessage, hold } from './atomic.ts'
import type { Partition } from './partition.ts'
import type { Busy, TrackedMessage } from './tracked.ts'

/** What became of one hook's outputs: why messages must die of it, and the rules by which payloads were let go. */
export interface Delivered {
  readonly deaths: readonly Death[]
  readonly rules: readonly string[]
}

/** Every payload was acknowledged (or there was none). */
export const DELIVERED: Delivered = { deaths: [], rules: [] }

/** The outputs cannot be routed: the hook named a sink that is not there, or a payload that no sink can take. */
export class OutputError extends Error {
  constructor(stage: DeathStage, cause: unknown) {
    super(`${stage}: ${reasonOf(cause)}`, { cause })
    this.name = 'OutputError'
  }
}

/**
 * Routes and delivers what a hook returned. Resolves only when every payload is acknowledged, or refused for good and
 * decided upon. Throws an `OutputError` before anything is delivered where the outputs make no sense.
 */
export async function deliverOutputs(
  partition: Partition,
  stage: DeathStage,
  outputs: Outputs | undefined,
  idPrefix: string,
  messages: readonly TrackedMessage[],
  who: readonly { busy: Busy | null }[],
): Promise<Delivered> {
  const sent = send(partition, stage, outputs, idPrefix, messages, who)
  return sent === null ? DELIVERED : decideRefusals(partition, await sent, messages)
}

/**
 * Puts a hook's outputs on their way; answers null where there are none, or where they are held until the messages'
 * group is complete. `who` is busy with it. Throws an `OutputError` before anything is sent.
 */
export function send(
  partition: Partition,
  stage: DeathStage,
  outputs: Outputs | undefined,
  idPrefix: string,
  messages: readonly TrackedMessage[],
  who: readonly { busy: Busy | null }[],
): Promise<readonly Refusal[]> | null {
  if (outputs === undefined) return null
  const records = route(partition, stage, outputs, idPrefix, messages)
  if (records.length === 0) return null
  if (partition.parts.options.atomic === true) {
    hold(partition, messages, records)
    return null
  }
  const busy: Busy = { kind: 'delivery', records, since: partition.parts.clock.monotonic() }
  for (const each of who) each.busy = busy
  return partition.parts.delivery.deliver(records, partition.signal)
}

function route(
  partition: Partition,
  stage: DeathStage,
  outputs: Outputs,
  idPrefix: string,
  messages: readonly TrackedMessage[],
): readonly RoutedRecord[] {
  const { delivery, options } = partition.parts
  // The messages of a group end together; who must know them all can.
  const offsets = options.atomic === true ? groupOfMessage(messages[0] as TrackedMessage).offsets : undefined
  try {
    return delivery.route(outputs, idPrefix, partition.assignment, offsets)
  } catch (error) {
    throw new OutputError(stage, error)
  }
}

/** Asks `onDeliveryError` for each hook's payloads of each sink apart, as each may deserve another answer. */
export async function decideRefusals(
  partition: Partition,
  refusals: readonly Refusal[],
  messages: readonly TrackedMessage[],
): Promise<Delivered> {
  if (refusals.length === 0 || partition.closed) return DELIVERED
  const asked = Map.groupBy(refusals, ({ record }) => record.id.slice(0, record.id.lastIndexOf('/')))
  const decided = await Promise.all([...asked.values()].map((refused) => decideSink(partition, refused, messages)))
  return { deaths: decided.flatMap((each) => each.deaths), rules: decided.flatMap((each) => each.rules) }
}

async function decideSink(
  partition: Partition,
  first: readonly Refusal[],
  messages: readonly TrackedMessage[],
): Promise<Delivered> {
  const { announce, clock, delivery, options, random } = partition.parts
  let refused = first
  for (let attempt = 1; !partition.closed; attempt += 1) {
    const action = await askHook(partition, refused, messages, attempt)
    if (typeof action === 'object') return { deaths: [death(refused, action.reason)], rules: [] }
    if (action === 'skip') {
      const { kind, sink: name } = (refused[0] as Refusal).record
      announce({ type: 'sink_skipped', kind, sink: name, records: refused.length })
      return { deaths: [], rules: ['on_delivery_error'] }
    }
    if (action === 'dead-letter' || attempt > options.maxRetries) return { deaths: [death(refused)], rules: [] }
    await sleep(clock, backoffMs(attempt, options.retryBackoff, random), partition.signal)
    if (partition.closed) return DELIVERED
    const records = refused.map(({ record }) => record)
    refused = await delivery.deliver(records, partition.signal)
    if (refused.length === 0) return DELIVERED
  }
  return DELIVERED
}

async function askHook(
  partition: Partition,
  refused: readonly Refusal[],
  messages: readonly TrackedMessage[],
  attempts: number,
): Promise<'retry' | 'skip' | 'dead-letter' | { readonly reason: string }> {
  const first = refused[0] as Refusal
  const failure: DeliveryFailure = {
    kind: first.record.kind,
    sink: first.record.sink,
    reason: first.error.message,
    payloads: refused.map(({ record }) => record.payload),
    payloadIds: refused.map(({ record }) => record.id),
    attempts,
    messages: messages.map((tracked) => tracked.message as Message),
  }
  try {
    return await partition.parts.hooks.onDeliveryError(failure, partition.signal)
  } catch (error) {
    return { reason: `onDeliveryError threw: ${reasonOf(error)}` }
  }
}

function death(refused: readonly Refusal[], also?: string): Death {
  const first = refused[0] as Refusal
  const sink = `${first.record.kind}:${first.record.sink}`
  const many = refused.length > 1 ? ` (and ${refused.length - 1} more payloads)` : ''
  const reason = `${sink} refused ${first.record.id}: ${first.error.message}${many}${also === undefined ? '' : `; ${also}`}`
  const payloadIds = refused.map(({ record }) => record.id)
  return { stage: 'delivery', reason, sink, attempts: first.attempts, payloadIds }
}
