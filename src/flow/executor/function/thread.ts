/**
 * What runs in a thread of the function pool: loads the user's module once, calls its default export with a task, and
 * answers its output as bytes. Started by piscina, which calls the default export of this file for each task.
 */
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parentPort, workerData } from 'node:worker_threads'
import type { Task } from '../../../model/index.ts'
import { type Answer, answerOf, threw } from './answer.ts'

/** What a thread is asked. Without a task it only loads the module, and says whether that works. */
export interface ThreadRequest {
  readonly task: Task | null
  /** Number of the run: what is posted when the function is called. */
  readonly run: number
  /** Counts the calls of `progress`; the other side looks at it. */
  readonly signs: Int32Array<SharedArrayBuffer>
}

/** What it answers, besides the function's answer: the module cannot be loaded, or has no function. */
export type ThreadAnswer = Answer | { readonly kind: 'unloadable'; readonly why: string }

interface ThreadContext {
  readonly signal: AbortSignal
  readonly progress: () => void
}

type UserFunction = (task: Task, context: ThreadContext) => unknown

const { file } = workerData as { readonly file: string }
/** A thread is ended, not asked: this never aborts. It is there so that one function fits both runners. */
const { signal } = new AbortController()
let loading: Promise<UserFunction | { readonly why: string }> | undefined

async function load(): Promise<UserFunction | { readonly why: string }> {
  try {
    const module = (await import(pathToFileURL(resolve(file)).href)) as { readonly default?: unknown }
    const exported = module.default
    return typeof exported === 'function'
      ? (exported as UserFunction)
      : { why: `its default export is ${exported === undefined ? 'missing' : `a ${typeof exported}`}, not a function` }
  } catch (error) {
    return { why: error instanceof Error ? error.message : String(error) }
  }
}

export default async function runInThread({ task, run, signs }: ThreadRequest): Promise<ThreadAnswer> {
  loading ??= load()
  const loaded = await loading
  if (typeof loaded !== 'function') {
    // The file may be there next time.
    loading = undefined
    return { kind: 'unloadable', why: loaded.why }
  }
  if (task === null) return { kind: 'nothing' }
  parentPort?.postMessage(run)
  try {
    return answerOf(await loaded(task, { signal, progress: () => void Atomics.add(signs, 0, 1) }))
  } catch (error) {
    return threw(error)
  }
}
