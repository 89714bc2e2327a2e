import { task } from '../../src/handler/index.ts'
import { type Clock, type Random, sleep } from '../../src/lib/index.ts'
import type { Handler, Message, Outputs, Task, TaskSpec } from '../../src/model/index.ts'
import type { History, RecordAt } from '../../src/testing/index.ts'
import type { MessagePlan, TaskPlan } from './plan.ts'

/** What the simulated messages carry. */
export interface Payload {
  readonly number: number
}

interface Metadata {
  readonly plan: TaskPlan
}

export interface ScriptedHandlerOptions {
  readonly clock: Clock
  readonly random: Random
  readonly history: History
  readonly client: string
  readonly planOf: (number: number) => MessagePlan
  readonly epochOf: (at: RecordAt) => number | null
  /** With `onWindowComplete`, so that windows hold their messages until their slowest task. */
  readonly windows: boolean
}

/** A handler that does what the plans say, sometimes at once, sometimes later, and writes down every call. */
export function scriptedHandler(of: ScriptedHandlerOptions): Handler<Payload, Metadata> {
  const { clock, random, planOf } = of
  const calls = new Map<string, number>()
  /** How often this was counted before in this assignment. */
  const count = (subject: string, epoch: number | null): number => {
    const what = `${subject} ${epoch}`
    const before = calls.get(what) ?? 0
    calls.set(what, before + 1)
    return before
  }
  /** Begins a call: it belongs to the assignment of now, even if it is answered after that. */
  const begin = async (messages: readonly Message[]): Promise<number | null> => {
    const epoch = messages[0] === undefined ? null : of.epochOf(messages[0])
    if (random() < 0.3) await sleep(clock, random() * 40)
    return epoch
  }
  const tell = (hook: string, epoch: number | null, messages: readonly Message[], answer: string, id = ''): void => {
    const places = messages.map(({ topic, partition, offset }) => ({ topic, partition, offset }))
    of.history.add({ type: 'hook', client: of.client, hook, epoch, task: id, messages: places, answer })
  }
  const throwing = (hook: string, epoch: number | null, messages: readonly Message[], id = ''): never => {
    tell(hook, epoch, messages, 'threw', id)
    throw new Error(`${hook} throws by plan`)
  }

  const handler: Handler<Payload, Metadata> = {
    arrange: async (messages) => {
      const epoch = await begin(messages)
      if (messages.some((message) => planOf(message.payload.number).kind === 'arrange-throws')) {
        return throwing('arrange', epoch, messages)
      }
      tell('arrange', epoch, messages, 'ok')
      return arranged(messages, planOf)
    },
    onTaskComplete: async (result) => {
      const epoch = await begin(result.task.messages)
      const { task: ran } = result
      const { plan } = ran.metadata
      const again = ran.parentId === undefined ? plan.hookThrows : 0
      if (again === 'always' || count(`t ${ran.id}`, epoch) < again)
        return throwing('on_task_complete', epoch, ran.messages, ran.id)
      tell('on_task_complete', epoch, ran.messages, 'ok', ran.id)
      return taskOutputs(ran, plan)
    },
    onMessageComplete: async ({ message }) => {
      const epoch = await begin([message])
      const plan = planOf(message.payload.number)
      const again = plan.messageHookThrows
      if (again === 'always' || count(`m ${message.partition}:${message.offset}`, epoch) < again) {
        return throwing('on_message_complete', epoch, [message])
      }
      tell('on_message_complete', epoch, [message], 'ok')
      return plan.messageOutputs > 0 ? { kafka: [{ data: { message: message.payload.number } }] } : undefined
    },
    onError: async (failure) => {
      const epoch = await begin(failure.task.messages)
      const { plan } = failure.task.metadata
      const action = failure.task.parentId === undefined ? plan.onError : 'dead-letter'
      if (action === 'throw') return throwing('on_error', epoch, failure.task.messages, failure.task.id)
      tell('on_error', epoch, failure.task.messages, action, failure.task.id)
      if (action !== 'replace') return action
      return plan.replacements.map((kind) => replacement(failure.task, plan, kind))
    },
    onDeliveryError: async (failure) => {
      const epoch = await begin(failure.messages)
      const { data } = failure.payloads[0] as { data: { task: string } }
      const plan = planOf((failure.messages[0] as Message<Payload>).payload.number)
      const action =
        plan.tasks[Number(data.task.slice(data.task.lastIndexOf(':') + 1))]?.onDeliveryError ?? 'dead-letter'
      if (action === 'throw') return throwing('on_delivery_error', epoch, failure.messages)
      tell('on_delivery_error', epoch, failure.messages, action)
      return action
    },
  }
  if (!of.windows) return handler
  return {
    ...handler,
    onWindowComplete: async ({ messages }) => {
      const epoch = await begin(messages)
      tell('on_window_complete', epoch, messages, 'ok')
      return { kafka: [{ data: { window: messages.map((message) => message.offset) } }] }
    },
  }
}

/** Neighbours that are to be joined share a task; everyone else has their own. */
function arranged(
  messages: readonly Message<Payload>[],
  planOf: (number: number) => MessagePlan,
): TaskSpec<Payload, Metadata>[] {
  const specs: TaskSpec<Payload, Metadata>[] = []
  let waiting: Message<Payload> | null = null
  for (const message of messages) {
    const plan = planOf(message.payload.number)
    if (plan.kind !== 'joined') specs.push(...plan.tasks.map((each) => spec([message], each)))
    else if (waiting === null) waiting = message
    else {
      specs.push(spec([waiting, message], plan.tasks[0] as TaskPlan))
      waiting = null
    }
  }
  if (waiting !== null) specs.push(spec([waiting], planOf(waiting.payload.number).tasks[0] as TaskPlan))
  return specs
}

function spec(messages: readonly Message<Payload>[], plan: TaskPlan): TaskSpec<Payload, Metadata> {
  const precomputed = plan.precomputed ? { precomputed: { stdout: 'known' } } : {}
  return task(messages, { metadata: { plan }, ...precomputed })
}

function replacement(of: Task<Payload, Metadata>, plan: TaskPlan, kind: 'ok' | 'fails'): TaskSpec<Payload, Metadata> {
  return task(of.messages, {
    metadata: { plan: { ...plan, failures: kind === 'ok' ? 0 : 'always', outputs: 1, refused: false } },
  })
}

function taskOutputs(ran: Task<Payload, Metadata>, plan: TaskPlan): Outputs | undefined {
  if (plan.outputs === 0) return undefined
  return {
    kafka: Array.from({ length: plan.outputs }, (_, n) => ({
      data: { task: ran.id, n, refused: plan.refused && n === 0 },
    })),
  }
}
