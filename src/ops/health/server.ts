import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { redactSecrets } from '../../lib/index.ts'
import { DrakkarError, reasonOf, type WorkerView } from '../../model/index.ts'
import { type Answer, index, plain, readiness, wantsText } from './pages.ts'

export interface OpsServerOptions {
  /** Address to listen on, e.g. `0.0.0.0`. */
  readonly host: string
  /** 0: any free port; see `address`. */
  readonly port: number
  /** Null: there is no `/metrics`. */
  readonly metrics: { text(): Promise<string>; readonly contentType: string } | null
  readonly view: () => WorkerView
  /** A request has to be here within this time, milliseconds; a silent connection is closed after twice of it. Default 5 s. */
  readonly requestMs?: number
}

/** `/metrics`, `/healthz`, `/readyz` over HTTP. */
export interface OpsServer {
  /** Begins to listen. Rejects with a `DrakkarError` that names host, port and configuration key. */
  start(): Promise<void>
  /** Stops listening and ends open connections. Safe to call twice, and before `start`. */
  stop(): Promise<void>
  /** Where it listens; null before `start` and after `stop`. */
  address(): { readonly host: string; readonly port: number } | null
}

const REQUEST_MS = 5_000
const MAX_CONNECTIONS = 100

export function createOpsServer(options: OpsServerOptions): OpsServer {
  const requestMs = options.requestMs ?? REQUEST_MS
  const server = createServer(
    {
      requestTimeout: requestMs,
      headersTimeout: requestMs,
      keepAliveTimeout: requestMs,
      connectionsCheckingInterval: requestMs / 5,
      maxHeaderSize: 16_384,
    },
    (request, response) => void respond(options, request, response),
  )
  server.maxConnections = MAX_CONNECTIONS
  // A connection that sends nothing at all has no request that could time out.
  server.setTimeout(2 * requestMs, (socket) => socket.destroy())
  return {
    start: () => listen(server, options),
    stop: () => stop(server),
    address() {
      const address = server.address() as AddressInfo | null
      return address === null ? null : { host: address.address, port: address.port }
    },
  }
}

async function respond(options: OpsServerOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  let answer: Answer
  try {
    answer = await answerTo(options, request)
  } catch (error) {
    answer = plain(500, `this cannot be answered now: ${redactSecrets(reasonOf(error))}`)
  }
  response.writeHead(answer.status, {
    'content-type': answer.type,
    'content-length': Buffer.byteLength(answer.body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(answer.status === 405 ? { allow: 'GET, HEAD' } : {}),
  })
  response.end(request.method === 'HEAD' ? undefined : answer.body)
}

async function answerTo(options: OpsServerOptions, request: IncomingMessage): Promise<Answer> {
  const path = (request.url ?? '/').split('?', 1)[0] as string
  const { metrics, view } = options
  const known = path === '/' || path === '/healthz' || path === '/readyz' || (path === '/metrics' && metrics !== null)
  if (!known) return plain(404, 'not found; try /')
  if (request.method !== 'GET' && request.method !== 'HEAD') return plain(405, 'only GET and HEAD')
  if (path === '/healthz') return plain(200, 'ok')
  if (path === '/readyz') return readiness(view(), wantsText(request.headers))
  if (path === '/metrics' && metrics !== null)
    return { status: 200, type: metrics.contentType, body: await metrics.text() }
  return index(view(), metrics !== null)
}

function listen(server: Server, { host, port }: OpsServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => reject(listenError(error, host, port))
    server.once('error', onError)
    server.listen(port, host, () => {
      server.off('error', onError)
      resolve()
    })
  })
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): DrakkarError {
  const why =
    error.code === 'EADDRINUSE'
      ? 'another process listens there'
      : error.code === 'EACCES'
        ? 'this user may not use the port'
        : reasonOf(error)
  return new DrakkarError('CONFIG_INVALID', `metrics.port: cannot listen on ${host}:${port}: ${why}`, {
    cause: error,
    advice: 'Set metrics.port to a free port (each worker on a machine needs its own), or metrics.enabled to false.',
  })
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
