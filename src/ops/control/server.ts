import { rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { type Control, reasonOf } from '../../model/index.ts'
import { findSockets, privateFolder, probeSocket, socketPath } from './places.ts'
import { type ControlAnswer, MAX_REQUEST, parseRequest, type WorkerStatus } from './protocol.ts'

export interface ControlServerOptions {
  /** Undefined until there is a worker. */
  readonly control: () => Control | undefined
  readonly status: () => WorkerStatus
  readonly workerId: string
  /** Folder of the sockets, made where it is missing. */
  readonly folder: string
  /** The socket itself, where the configuration names one; its folder must be there. */
  readonly path?: string
  /** A connection without a request is closed after this, milliseconds. Default 10,000. */
  readonly idleMs?: number
}

/** The local control socket: one JSON object a line, each answered with one line. */
export interface ControlServer {
  /** Begins to listen and answers the path. Rejects where it cannot; the worker works without. */
  start(): Promise<string>
  /** Ends every connection and removes the socket. Twice is fine. */
  stop(): Promise<void>
}

const MAX_CONNECTIONS = 16

export function createControlServer(options: ControlServerOptions): ControlServer {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    serve(socket, options)
  })
  server.maxConnections = MAX_CONNECTIONS
  let listening: string | null = null
  return {
    async start() {
      const path = await freePath(options)
      await listen(server, path)
      listening = path
      return path
    },
    async stop() {
      if (listening === null) return
      listening = null
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      })
    },
  }
}

/** A path that nobody listens at; what a dead worker left there, and beside it, is removed. */
async function freePath({ path, folder, workerId }: ControlServerOptions): Promise<string> {
  if (path === undefined) {
    privateFolder(folder)
    for (const found of await findSockets(folder)) if (found.state === 'stale') rmSync(found.path, { force: true })
  }
  const wanted = path ?? socketPath(folder, workerId)
  const state = await probeSocket(wanted)
  if (state === 'stale') rmSync(wanted, { force: true })
  if (state !== 'live') return wanted
  if (path !== undefined) throw new Error(`${path} is in use by another process; give each worker its own control.path`)
  // Two workers of one name: both can be reached.
  return join(folder, `${process.pid}.sock`)
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    // The socket is made within the call: nobody else can open it at any moment.
    const before = process.umask(0o177)
    server.listen(path, () => {
      server.off('error', reject)
      server.on('error', () => undefined)
      // It keeps no process alive: a worker that has ended ends.
      server.unref()
      resolve()
    })
    process.umask(before)
  })
}

/** Requests of one connection, answered in their order; one that is too long ends it. */
function serve(socket: Socket, options: ControlServerOptions): void {
  let pending = ''
  const tell = (said: ControlAnswer): boolean => socket.write(`${JSON.stringify(said)}\n`)
  const take = (chunk: string): void => {
    const lines = `${pending}${chunk}`.split('\n')
    pending = lines.pop() ?? ''
    for (const line of lines) {
      if (line.length > MAX_REQUEST) pending = line
      else if (line.trim() !== '') tell(answer(line, options))
    }
    if (pending.length <= MAX_REQUEST) return
    tell({ ok: false, why: `a request has at most ${MAX_REQUEST} bytes` })
    socket.off('data', take)
    socket.end()
    socket.resume()
  }
  socket.setEncoding('utf8')
  socket.setTimeout(options.idleMs ?? 10_000, () => socket.destroy())
  socket.on('error', () => socket.destroy())
  socket.on('data', take)
}

/** Never throws: what goes wrong here is the asker's to hear, and not the worker's. */
function answer(line: string, { control, status }: ControlServerOptions): ControlAnswer {
  const request = parseRequest(line)
  if ('why' in request) return { ok: false, why: request.why }
  try {
    if (request.verb === 'status') return { ok: true, status: status() }
    const to = control()
    if (to === undefined) return { ok: false, why: 'the worker is still starting' }
    if (request.verb === 'cancel') return to.cancelTask(request.task, request.by)
    if (request.verb === 'set') return to.setMaxExecutors(request.max_executors, request.by)
    return request.verb === 'pause' ? to.pause(request.at, request.by) : to.resume(request.at, request.by)
  } catch (error) {
    return { ok: false, why: `this went wrong in the worker: ${reasonOf(error)}` }
  }
}
