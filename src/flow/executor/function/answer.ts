import { inspect } from 'node:util'
import type { Outcome, Task, Verdict } from '../../../model/index.ts'
import { cutAtCharacterEnd, cutAtCharacterStart } from '../launcher/capture.ts'

/** What a function answered, as output. Plain data, so that it can come from a thread. */
export type Answer =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'text' | 'bytes' | 'json'; readonly bytes: Uint8Array }
  /** It answered something that has no bytes. */
  | { readonly kind: 'nonsense'; readonly why: string }
  /** It threw. */
  | { readonly kind: 'threw'; readonly stack: string }

/** Bytes and text are themselves, everything else is JSON, and `undefined` is no output. Never throws. */
export function answerOf(value: unknown): Answer {
  if (value === undefined) return { kind: 'nothing' }
  if (typeof value === 'string') return { kind: 'text', bytes: Buffer.from(value) }
  if (value instanceof Uint8Array) return { kind: 'bytes', bytes: value }
  try {
    // `undefined` for a function or a symbol, whatever the types say.
    const json = JSON.stringify(value) as string | undefined
    if (json !== undefined) return { kind: 'json', bytes: Buffer.from(json) }
    return { kind: 'nonsense', why: `a ${typeof value}` }
  } catch (error) {
    const [why] = error instanceof Error ? error.message.split('\n', 1) : ['it threw']
    return { kind: 'nonsense', why: `something that is not JSON (${why})` }
  }
}

/** For what a function threw: its stack where it has one. Never throws. */
export function threw(error: unknown): Answer {
  try {
    const stack = error instanceof Error ? (error.stack ?? String(error)) : inspect(error)
    return { kind: 'threw', stack }
  } catch {
    return { kind: 'threw', stack: 'threw something that cannot be shown' }
  }
}

/** Limits of what is kept of a run; bytes, 0 = everything. */
export interface OutputCaps {
  readonly maxStdoutBytes: number
  readonly maxStderrBytes: number
  readonly onOutputCap: 'fail' | 'truncate'
}

/** The caps of one task: its own win. Nothing that a function answers is spilled: it is in memory already. */
export function capsOf(task: Task, caps: OutputCaps): OutputCaps {
  return {
    maxStdoutBytes: task.maxStdoutBytes ?? caps.maxStdoutBytes,
    maxStderrBytes: task.maxStderrBytes ?? caps.maxStderrBytes,
    onOutputCap: (task.onOutputCap ?? caps.onOutputCap) === 'truncate' ? 'truncate' : 'fail',
  }
}

const NOTHING: Buffer = Buffer.alloc(0)

/** The outcome of a function that answered. `value` is what hooks get as `result.value`. */
export function outcomeOfAnswer(answer: Answer, value: () => unknown, caps: OutputCaps, wallMs: number): Outcome {
  if (answer.kind === 'threw') {
    const all = Buffer.from(answer.stack)
    const cut = caps.maxStderrBytes > 0 && all.length > caps.maxStderrBytes
    const stderr = cut ? cutAtCharacterStart(all.subarray(all.length - caps.maxStderrBytes)) : all
    const message = `The function threw: ${answer.stack.split('\n', 1)[0]}`
    return { ...endedOutcome('exit', message, wallMs), exitCode: 1, stderr, stderrTruncated: cut }
  }
  if (answer.kind === 'nonsense') {
    const message = `The function answered ${answer.why}; it may answer text, bytes, or anything that is JSON.`
    return endedOutcome('protocol', message, wallMs)
  }
  const all = answer.kind === 'nothing' ? NOTHING : bufferOf(answer.bytes)
  const cut = caps.maxStdoutBytes > 0 && all.length > caps.maxStdoutBytes
  const stdout = cut ? cutAtCharacterEnd(all.subarray(0, caps.maxStdoutBytes)) : all
  if (cut && caps.onOutputCap === 'fail') {
    const message = `The function answered ${all.length} bytes, more than ${caps.maxStdoutBytes}; raise executor.max_stdout_bytes, or set executor.on_output_cap to truncate.`
    return { ...endedOutcome('output-cap', message, wallMs), stdout, stdoutTruncated: true }
  }
  const ok: Outcome = { ...endedOutcome('ok', undefined, wallMs), exitCode: 0, stdout, stdoutTruncated: cut }
  if (answer.kind === 'nothing') return ok
  // Read only where a hook asks for it: from a thread it has to be parsed.
  return Object.defineProperty(ok, 'value', { get: value, enumerable: false, configurable: true })
}

/** An outcome without output. */
export function endedOutcome(verdict: Verdict, message: string | undefined, wallMs: number): Outcome {
  return {
    verdict,
    exitCode: null,
    signal: null,
    stdout: NOTHING,
    stderr: NOTHING,
    stdoutTruncated: false,
    stderrTruncated: false,
    pid: null,
    wallMs,
    ...(message === undefined ? {} : { message }),
  }
}

/** What the bytes of an answer mean, for who did not see the value itself. */
export function valueOf(answer: Answer): unknown {
  if (!('bytes' in answer)) return undefined
  const bytes = bufferOf(answer.bytes)
  if (answer.kind === 'bytes') return bytes
  return answer.kind === 'text' ? bytes.toString('utf8') : (JSON.parse(bytes.toString('utf8')) as unknown)
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
