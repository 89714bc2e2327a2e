import { threadId } from 'node:worker_threads'
import type { Task } from '../../../src/model/index.ts'

interface Plan {
  readonly end: string
  /** What `held` waits for: a value that is not 0. */
  readonly gate?: Int32Array<SharedArrayBuffer>
}

/** A function that ends as its task says; TypeScript that Node strips. */
export default async function everyEnd(
  task: Task,
  context: { readonly signal: AbortSignal; progress(): void },
): Promise<unknown> {
  const { end } = task.metadata as Plan
  switch (end) {
    case 'object':
      return { args: task.args, text: Buffer.from((task.stdin as Uint8Array | undefined) ?? []).toString() }
    case 'bytes':
      return new Uint8Array([0, 255])
    case 'payload':
      return task.messages.map(({ offset, payload, value }) => ({ offset, payload, bytes: value?.length }))
    case 'throw':
      throw new TypeError('no such thing')
    case 'bigint':
      return 1n
    case 'exit':
      return process.exit(7)
    case 'memory': {
      const all: unknown[] = []
      for (;;) all.push(Array.from({ length: 10_000 }, () => Math.random()))
    }
    case 'spin':
      for (;;) if (performance.now() < 0) return
    case 'progress':
      for (const until = performance.now() + 1_500; performance.now() < until; ) context.progress()
      return 'done'
    case 'held': {
      const { gate } = task.metadata as Plan
      if (gate !== undefined) Atomics.wait(gate, 0, 0)
      return threadId
    }
    case 'stray':
      setImmediate(() => {
        throw new Error('thrown by a timer')
      })
      return new Promise(() => undefined)
    default:
      return end
  }
}
