import { Violation } from './rules.ts'

/** What a process says. Bytes may be a view of what was read: who keeps them copies them. */
export type Answer =
  | { readonly kind: 'ok'; readonly stdout: Buffer; readonly stderr: Buffer }
  | {
      readonly kind: 'fail'
      readonly stdout: Buffer
      readonly stderr: Buffer
      readonly class: string
      readonly retryable: boolean
      readonly message: string
      readonly exitCode: number
    }
  | { readonly kind: 'partial'; readonly index: number; readonly stdout: Buffer }
  | { readonly kind: 'progress' }
  /** `cancel`: it takes `cancel` requests. */
  | { readonly kind: 'pong'; readonly cancel: boolean }

export interface Said {
  /** Null: for the only request in flight. */
  readonly id: number | null
  readonly answer: Answer
}

type Header = Readonly<Record<string, unknown>>

const NOTHING: Buffer = Buffer.alloc(0)

/** Reads one answer. What is left out has a default; what is there has to be right. Throws a `Violation`. */
export function readAnswer(header: unknown, body: Buffer | null): Said {
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    throw new Violation('fields', `answered something that is no JSON object: ${JSON.stringify(header)?.slice(0, 80)}`)
  }
  const fields = header as Header
  const { id } = fields
  if (id !== undefined && !(Number.isSafeInteger(id) && (id as number) >= 0))
    throw wrong('id', 'the number of a request', id)
  return { id: id === undefined ? null : (id as number), answer: answerOf(fields, body) }
}

function answerOf(fields: Header, body: Buffer | null): Answer {
  const op = fields['op'] ?? 'ok'
  switch (op) {
    case 'ok':
      return { kind: 'ok', stdout: output(fields, body), stderr: textBytes(fields, 'stderr') }
    case 'fail':
      return failure(fields, body)
    case 'partial':
      return { kind: 'partial', index: wholeNumber(fields, 'index', undefined), stdout: output(fields, body) }
    case 'progress':
      return { kind: 'progress' }
    case 'pong':
      return { kind: 'pong', cancel: yesOrNo(fields, 'cancel', false) }
    default:
      throw new Violation('op', `answered with an op that there is not: ${JSON.stringify(op).slice(0, 80)}`)
  }
}

function failure(fields: Header, body: Buffer | null): Answer {
  const exitCode = wholeNumber(fields, 'exit_code', 1)
  if (exitCode === 0 || exitCode > 255) throw wrong('exit_code', 'a number from 1 to 255', exitCode)
  return {
    kind: 'fail',
    stdout: output(fields, body),
    stderr: textBytes(fields, 'stderr'),
    class: textOf(fields, 'class', ''),
    retryable: yesOrNo(fields, 'retryable', true),
    message: textOf(fields, 'message', ''),
    exitCode,
  }
}

/** The body of a frame, else `stdout`, else `stdout_base64`. */
function output(fields: Header, body: Buffer | null): Buffer {
  const { stdout, stdout_base64: base64 } = fields
  if (body !== null && body.length > 0) return body
  if (stdout !== undefined) return textBytes(fields, 'stdout')
  if (base64 === undefined) return NOTHING
  if (typeof base64 !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64))
    throw wrong('stdout_base64', 'base64', base64)
  return Buffer.from(base64, 'base64')
}

function textBytes(fields: Header, name: string): Buffer {
  const value = fields[name]
  if (value === undefined) return NOTHING
  if (typeof value !== 'string') throw wrong(name, 'a text', value)
  return value === '' ? NOTHING : Buffer.from(value)
}

function textOf(fields: Header, name: string, fallback: string): string {
  const value = fields[name] ?? fallback
  if (typeof value !== 'string') throw wrong(name, 'a text', value)
  return value
}

function yesOrNo(fields: Header, name: string, fallback: boolean): boolean {
  const value = fields[name] ?? fallback
  if (typeof value !== 'boolean') throw wrong(name, 'true or false', value)
  return value
}

function wholeNumber(fields: Header, name: string, fallback: number | undefined): number {
  const value = fields[name] ?? fallback
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw wrong(name, 'a whole number, 0 or more', value)
  return value as number
}

function wrong(name: string, wanted: string, value: unknown): Violation {
  return new Violation(
    'fields',
    `answered with a field \`${name}\` that is not ${wanted}: ${JSON.stringify(value)?.slice(0, 80) ?? 'nothing'}`,
  )
}
