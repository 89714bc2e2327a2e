import type { StandardSchemaV1 } from '@standard-schema/spec'
import {
  type ArrangeContext,
  defineHandler,
  type ErrorAction,
  type Message,
  type Outputs,
  type Task,
  type TaskFailure,
  type TaskResult,
  task,
} from 'drakkar'
import { expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { checkHandler, createParse } from '../../src/handler/index.ts'

// The types are checked when this file is compiled (`npm run check:types`); what runs here is checked by vitest.

interface Job {
  readonly id: string
  readonly size: number
}

interface Meta {
  readonly label: string
}

/** Schemas as valibot makes them: an object with a `kind`, a `pipe`, and the standard's face. */
function valibotLike<Output>(check: (value: unknown) => value is Output): {
  readonly kind: 'schema'
  readonly type: 'object'
} & StandardSchemaV1<unknown, Output> {
  return { kind: 'schema', type: 'object', '~standard': faceOf(check) }
}

/** Schemas as arktype makes them: a function with the standard's face. */
function arktypeLike<Output>(
  check: (value: unknown) => value is Output,
): ((value: unknown) => Output | undefined) & StandardSchemaV1<unknown, Output> {
  const schema = (value: unknown): Output | undefined => (check(value) ? value : undefined)
  return Object.assign(schema, { '~standard': faceOf(check) })
}

function faceOf<Output>(check: (value: unknown) => value is Output): StandardSchemaV1<unknown, Output>['~standard'] {
  return {
    version: 1,
    vendor: 'hand',
    validate: (value) => (check(value) ? { value } : { issues: [{ message: 'is no job' }] }),
  }
}

const isJob = (value: unknown): value is Job =>
  typeof value === 'object' && value !== null && 'id' in value && typeof value.id === 'string' && 'size' in value

const record = (value: string): Parameters<ReturnType<typeof createParse>>[0] => ({
  topic: 'jobs',
  partition: 0,
  offset: 0,
  key: null,
  value: Buffer.from(value),
  timestamp: null,
  headers: [],
})

test('a payload flows from zod into every hook, metadata from arrange', async () => {
  const handler = defineHandler({
    input: z.object({ id: z.string(), size: z.coerce.number() }),
    arrange: (messages, context) => {
      expectTypeOf(context).toEqualTypeOf<ArrangeContext>()
      expectTypeOf(messages[0]?.payload).toEqualTypeOf<{ id: string; size: number } | undefined>()
      return messages.map((message) => task(message, { metadata: { label: message.payload.id } }))
    },
    onTaskComplete: (result) => {
      expectTypeOf(result.task.metadata).toEqualTypeOf<{ label: string }>()
      expectTypeOf(result.task.messages[0]?.payload.size).toEqualTypeOf<number | undefined>()
      return { kafka: [{ key: result.task.metadata.label, data: result.stdout }] }
    },
    onError: (failure) => {
      expectTypeOf(failure.task.metadata.label).toEqualTypeOf<string>()
      return failure.attempts < 2 ? 'retry' : [task(failure.task.messages, { metadata: { label: 'again' } })]
    },
    onMessageComplete: (group) => {
      expectTypeOf(group.message.payload.size).toEqualTypeOf<number>()
      expectTypeOf(group.results[0]?.task.metadata.label).toEqualTypeOf<string | undefined>()
      return {}
    },
    onWindowComplete: async (window) => {
      expectTypeOf(window.messages[0]?.payload.id).toEqualTypeOf<string | undefined>()
      expectTypeOf(window.failures[0]?.task.metadata.label).toEqualTypeOf<string | undefined>()
    },
    messageLabel: (message) => message.payload.id,
    taskPriority: ({ metadata, messages }) => [metadata.label.length, messages[0]?.offset ?? 0],
  })
  expect(await createParse(handler)(record('{"id":"a","size":"7"}'))).toMatchObject({
    failed: false,
    message: { payload: { id: 'a', size: 7 }, label: 'a' },
  })
})

test.each([
  ['valibot', valibotLike(isJob)],
  ['arktype', arktypeLike(isJob)],
])('a payload flows from a schema as %s makes it', async (_vendor, input) => {
  const handler = defineHandler({
    input,
    arrange: (messages) => {
      expectTypeOf(messages[0]?.payload).toEqualTypeOf<Job | undefined>()
      return messages.map((message) => task(message, { metadata: message.payload }))
    },
    onTaskComplete: ({ task: { metadata } }) => {
      expectTypeOf(metadata).toEqualTypeOf<Job>()
      return { files: [{ path: 'jobs.jsonl', data: metadata }] }
    },
  })
  const parse = createParse(checkHandler(handler, 'the handler'))
  expect(await parse(record('{"id":"a","size":7}'))).toMatchObject({ failed: false })
  expect(await parse(record('{"id":1}'))).toMatchObject({ failed: true, reason: expect.stringContaining('is no job') })
})

test('what `run` answers is the value of a result', () => {
  const handler = defineHandler({
    input: z.object({ id: z.string() }),
    arrange: (messages) => messages.map((message) => task(message, { metadata: { n: 1 } })),
    run: async ({ messages, metadata }, { progress, signal }) => {
      expectTypeOf(messages[0]?.payload).toEqualTypeOf<{ id: string } | undefined>()
      expectTypeOf(metadata).toEqualTypeOf<{ n: number }>()
      expectTypeOf(signal).toEqualTypeOf<AbortSignal>()
      progress()
      return { length: 3 }
    },
    onTaskComplete: ({ value }) => {
      expectTypeOf(value).toEqualTypeOf<{ length: number }>()
    },
    onMessageComplete: ({ results }) => {
      expectTypeOf(results[0]?.value).toEqualTypeOf<{ length: number } | undefined>()
    },
  })
  expect(checkHandler(handler, 'the handler')).toBe(handler)
})

test('without a schema the payload is unknown, without metadata there is none', () => {
  const handler = defineHandler({
    decode: 'text',
    arrange: (messages) => {
      expectTypeOf(messages[0]?.payload).toEqualTypeOf<unknown>()
      // @ts-expect-error nobody has said that a payload is text
      for (const { payload } of messages) expectTypeOf(payload.length).toBeNumber()
      return messages.map((message) => task(message))
    },
    onTaskComplete: (result) => {
      expectTypeOf(result.task.metadata).toEqualTypeOf<undefined>()
    },
  })
  expect(checkHandler(handler, 'the handler')).toBe(handler)
})

test('a class with the hooks as methods is a handler', () => {
  class Hashing {
    readonly input = z.object({ id: z.string() })
    readonly seen = new Set<string>()

    arrange(messages: readonly Message<{ id: string }>[]): ReturnType<typeof one>[] {
      return messages.map((message) => one(message))
    }

    onTaskComplete(result: TaskResult<{ id: string }, Meta>): Outputs {
      this.seen.add(result.task.metadata.label)
      return {}
    }

    async onError(failure: TaskFailure<{ id: string }, Meta>): Promise<ErrorAction<{ id: string }, Meta>> {
      return failure.verdict === 'timeout' ? 'skip' : { retryAfterMs: 10 }
    }

    taskPriority(of: Task<{ id: string }, Meta>): number {
      return of.metadata.label.length
    }
  }
  const one = (message: Message<{ id: string }>) => task(message, { metadata: { label: message.payload.id } })
  const handler = defineHandler(new Hashing())
  expectTypeOf(handler.input).not.toBeAny()
  expect(checkHandler(Hashing, 'the class')).toBeInstanceOf(Hashing)
  expect(checkHandler(handler, 'an instance')).toBe(handler)
})

test('wrong answers do not compile', () => {
  const arrange = (messages: readonly Message[]) => messages.map((message) => task(message, { metadata: { n: 1 } }))
  const wrong = [
    // @ts-expect-error there is no sink of this kind
    defineHandler({ arrange, onTaskComplete: () => ({ postgress: [{ table: 'results', data: 1 }] }) }),
    // @ts-expect-error payloads come in lists
    defineHandler({ arrange, onTaskComplete: () => ({ kafka: { data: 1 } }) }),
    // @ts-expect-error what is written must be given
    defineHandler({ arrange, onTaskComplete: () => ({ files: [{ path: 'x' }] }) }),
    // @ts-expect-error a partition is a number
    defineHandler({ arrange, onMessageComplete: () => ({ kafka: [{ data: 1, partition: '3' }] }) }),
    // @ts-expect-error no such answer
    defineHandler({ arrange, onError: () => 'again' }),
    // @ts-expect-error milliseconds are a number
    defineHandler({ arrange, onError: () => ({ retryAfterMs: '10' }) }),
    // @ts-expect-error deliveries are not retried after a time
    defineHandler({ arrange, onDeliveryError: () => ({ retryAfterMs: 10 }) }),
    // @ts-expect-error replacements carry the same metadata
    defineHandler({ arrange, onError: ({ task: { messages } }) => [task(messages, { metadata: { n: 'one' } })] }),
    // @ts-expect-error a task is made by task()
    defineHandler({ arrange: (messages) => messages.map(() => ({ args: [] })) }),
    // @ts-expect-error arguments are text
    defineHandler({ arrange: (messages) => messages.map((message) => task(message, { args: [1] })) }),
    // @ts-expect-error no such option
    defineHandler({ arrange: (messages) => messages.map((message) => task(message, { arg: ['x'] })) }),
    // @ts-expect-error a handler arranges
    defineHandler({ onTaskComplete: () => ({}) }),
    // @ts-expect-error no such hook
    defineHandler({ arrange, onTaskCompleted: () => ({}) }),
    // @ts-expect-error `input` is a Standard Schema
    defineHandler({ input: { parse: (value: unknown) => value }, arrange }),
    // @ts-expect-error seconds are a number
    defineHandler({ arrange, periodic: { refresh: { everySeconds: '60', run: () => undefined } } }),
  ]
  expect(wrong).toHaveLength(15)
})
