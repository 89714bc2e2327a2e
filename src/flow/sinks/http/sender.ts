import { type Clock, sleep } from '../../../lib/index.ts'
import type { RecordVerdict } from '../sink.ts'
import { type HttpAnswer, judgeAnswer } from './answer.ts'
import type { HttpCall, HttpClient } from './client.ts'
import { failureOf, refusalIn } from './failure.ts'
import type { Gate } from './gate.ts'
import { redirectOf } from './redirect.ts'
import { shownUrl } from './target.ts'

/** A longer wait is the delivery's: it tells people that the sink is throttled. */
const LONGEST_WAIT_MS = 5_000

export interface SenderOptions {
  readonly gate: Gate
  readonly clock: Clock
  readonly maxRedirects: number
  /** Headers that may go to another host than the request was for, in lower case. */
  readonly publicHeaders: readonly string[]
}

/** What of a request is the sink's, and not of its record. */
export interface Own {
  /** The host. */
  readonly host: boolean
  /** The credentials, if there are any. */
  readonly credentials: boolean
}

/** The verdict of one request, and what was answered; 0 where nothing was. */
export interface Sent {
  readonly verdict: RecordVerdict
  readonly status: number
}

/** Sends one request: waits for its turn, follows redirects, and judges what comes back. Never rejects. */
export async function send(
  client: HttpClient,
  call: HttpCall,
  own: Own,
  options: SenderOptions,
  signal: AbortSignal,
): Promise<Sent> {
  const { gate, clock } = options
  const what = `${call.method} ${shownUrl(call.url)}`
  const quiet = gate.quietFor(call.url.host, clock.monotonic())
  if (quiet > LONGEST_WAIT_MS) {
    const error = new Error(
      `${what}: the server asked for ${Math.ceil(quiet / 1000)} s more without requests (Retry-After)`,
    )
    return { status: 0, verdict: { ok: false, kind: 'transient', error, retryAfterMs: quiet } }
  }
  const waitMs = gate.enter(call.url.host, clock.monotonic())
  if (waitMs > 0) await sleep(clock, waitMs, signal)
  let hops = 0
  try {
    signal.throwIfAborted()
    const answer = await follow(client, call, options, signal, () => (hops += 1))
    const secrets = (): readonly string[] => secretsOf(call, options.publicHeaders)
    const verdict = judgeAnswer(answer, { what, asSink: own.credentials, secrets }, clock.now())
    if (!verdict.ok && verdict.retryAfterMs !== undefined) {
      gate.quiet(call.url.host, clock.monotonic(), verdict.retryAfterMs)
    }
    return { verdict, status: answer.status }
  } catch (error) {
    const refused = refusalIn(error)
    // The sink's own address is not the fault of the record; one that the record or the server chose stays refused.
    const permanent = refused !== null && (hops > 0 || !own.host)
    const thrown = failureOf(refused ?? error, hops === 0 ? what : `${what}, redirected`)
    return { status: 0, verdict: { ok: false, kind: permanent ? 'permanent' : 'transient', error: thrown } }
  }
}

async function follow(
  client: HttpClient,
  first: HttpCall,
  { maxRedirects, publicHeaders }: SenderOptions,
  signal: AbortSignal,
  hop: () => number,
): Promise<HttpAnswer> {
  let call = first
  for (let left = maxRedirects; ; left -= 1) {
    const answer = await client.send(call, signal)
    const url = left > 0 ? redirectOf(answer, call.url) : null
    if (url === null) return answer
    hop()
    // Credentials are for the host that they were given for.
    const headers =
      url.origin === call.url.origin
        ? call.headers
        : Object.fromEntries(Object.entries(call.headers).filter(([name]) => publicHeaders.includes(name)))
    call = { ...call, url, headers }
  }
}

/** Values of headers, and their parts after a scheme (`Bearer …`); short ones would hide half of any text. */
function secretsOf({ headers }: HttpCall, publicHeaders: readonly string[]): string[] {
  return Object.entries(headers)
    .filter(([name]) => !publicHeaders.includes(name))
    .flatMap(([, value]) => [value, ...value.split(' ').slice(1)])
    .filter((value) => value.length >= 6)
}
