import { isUtf8 } from 'node:buffer'
import type { Task } from '../../../model/index.ts'
import { FrameWriter } from '../launcher/wire.ts'

/** How requests and answers are written: one JSON object a line, or frames with a raw body. */
export type PoolProtocol = 'json' | 'frames'

/** What a process gets of a task. */
export type Work = Pick<Task, 'id' | 'args' | 'stdin' | 'env' | 'cwd'>

/** Requests on their way to one process; `take` hands over all of them for one write. */
export interface Requests {
  task(id: number, work: Work): void
  /** `ping`, `cancel` or `bye`. */
  verb(op: 'ping' | 'cancel' | 'bye', id: number): void
  /** Null where there is nothing. `sent` is called when it has gone out. */
  take(): { readonly bytes: string | Buffer; readonly sent: () => void } | null
}

export const requestsFor = (protocol: PoolProtocol): Requests =>
  protocol === 'json' ? new LineRequests() : new FrameRequests()

/** The fields of a task, without its stdin and without the closing brace. */
function fieldsOf(id: number, { id: task, args, env, cwd }: Work): string {
  let text = `{"op":"task","id":${id},"task":${JSON.stringify(task)},"args":${args.length === 0 ? '[]' : JSON.stringify(args)}`
  for (const _ in env) {
    text += `,"env":${JSON.stringify(env)}`
    break
  }
  return cwd === undefined ? text : `${text},"cwd":${JSON.stringify(cwd)}`
}

const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
const NOTHING: Buffer = Buffer.alloc(0)
const NOTHING_TO_DO = (): void => undefined

class LineRequests implements Requests {
  #text = ''

  task(id: number, work: Work): void {
    const { stdin } = work
    let fields = fieldsOf(id, work)
    if (stdin !== undefined && stdin.length > 0) {
      fields += isUtf8(stdin)
        ? `,"stdin":${JSON.stringify(bufferOf(stdin).toString('utf8'))}`
        : `,"stdin_base64":"${bufferOf(stdin).toString('base64')}"`
    }
    this.#text += `${fields}}\n`
  }

  verb(op: string, id: number): void {
    this.#text += `{"op":"${op}","id":${id}}\n`
  }

  take(): ReturnType<Requests['take']> {
    if (this.#text === '') return null
    const bytes = this.#text
    this.#text = ''
    return { bytes, sent: NOTHING_TO_DO }
  }
}

class FrameRequests implements Requests {
  readonly #writer: FrameWriter = new FrameWriter()

  task(id: number, work: Work): void {
    this.#writer.string(`${fieldsOf(id, work)}}`).bytes(work.stdin ?? NOTHING)
  }

  verb(op: string, id: number): void {
    this.#writer.string(`{"op":"${op}","id":${id}}`).bytes(NOTHING)
  }

  take(): ReturnType<Requests['take']> {
    if (this.#writer.length === 0) return null
    const bytes = this.#writer.take()
    return { bytes, sent: () => this.#writer.recycle(bytes) }
  }
}
