import type { HookContext, HookLog } from '../model/index.ts'
import type { HooksOptions } from './hooks.ts'
import type { Place, Subject } from './place.ts'

/** Made for every call, so what few hooks use is built on first use. */
export class CallContext implements HookContext {
  readonly #options: Pick<HooksOptions, 'log'>
  readonly #place: Place
  readonly #outer: AbortSignal
  #own: AbortController | undefined
  #aborted: { reason: unknown } | undefined
  #log: HookLog | undefined

  constructor(options: Pick<HooksOptions, 'log'>, place: Place, outer: AbortSignal) {
    this.#options = options
    this.#place = place
    this.#outer = outer
  }

  get signal(): AbortSignal {
    this.#own ??= new AbortController()
    if (this.#aborted !== undefined) this.#own.abort(this.#aborted.reason)
    return AbortSignal.any([this.#own.signal, this.#outer])
  }

  get log(): HookLog {
    this.#log ??= this.#options.log({ hook: this.#place.hook, ...fieldsOf(this.#place.subject) })
    return this.#log
  }

  abort(reason: unknown): void {
    this.#aborted = { reason }
    this.#own?.abort(reason)
  }
}

function fieldsOf(subject: Subject): Record<string, unknown> {
  const messages = 'task' in subject ? subject.task.messages : 'messages' in subject ? subject.messages : []
  const first = messages[0]
  const place = first === undefined ? {} : { topic: first.topic, partition: first.partition, offset: first.offset }
  return 'task' in subject
    ? { task_id: subject.task.id, ...place }
    : 'name' in subject && subject.name !== ''
      ? { name: subject.name }
      : place
}
