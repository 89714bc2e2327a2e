// An HTTP(S) service that keeps what it gets, and misbehaves where the path says so. It prints its port; it ends with its
// parent. Arguments: the port (0: any), then for TLS the files of key and certificate, and of an authority for clients.
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'

const [port = '0', keyFile, certFile, clientCa] = process.argv.slice(2)
/** By idempotency key; a request without one is always new. */
const kept = new Map()
// Where it keeps things over its own death.
const { COLLECTOR_FILE: file } = process.env
if (file !== undefined && existsSync(file)) {
  for (const line of readFileSync(file, 'utf8').split('\n').slice(0, -1)) {
    const [key, request] = JSON.parse(line)
    kept.set(key, request)
  }
}
const requests = []
const seen = new Map()
let repeats = 0
let busy = 0
let most = 0

const behaviours = {
  status: (request, response, [code]) => answer(response, Number(code)),
  throttle: (request, response, [seconds, code = '429']) => {
    response.setHeader('retry-after', seconds === 'date' ? new Date(Date.now() + 2000).toUTCString() : seconds)
    answer(response, Number(code), 'slow down')
  },
  slow: (request, response, [ms]) => setTimeout(() => keep(request, response), Number(ms)),
  hang: () => undefined,
  hints: (request, response, [code]) => {
    response.writeEarlyHints({ link: '</style.css>; rel=preload' })
    answer(response, Number(code), 'late')
  },
  headers: (request, response) => void response.writeHead(200, { 'content-length': 100 }).flushHeaders(),
  reset: (request) => request.socket.resetAndDestroy(),
  half: (request, response) => {
    response.writeHead(200, { 'content-length': 1000 })
    response.write('half', () => request.socket.destroy())
  },
  // Kept, and then nobody hears of it: the sender must send it again.
  unheard: (request) => {
    take(request)
    request.socket.destroy()
  },
  huge: (request, response, [megabytes, code = '200']) => {
    response.writeHead(Number(code), { 'content-type': 'text/plain' })
    const chunk = Buffer.alloc(65_536, 'x')
    let left = Number(megabytes) * 16
    const more = () => {
      while (left > 0) {
        left -= 1
        if (!response.write(chunk)) return void response.once('drain', more)
      }
      response.end()
    }
    response.on('error', () => undefined)
    more()
  },
  redirect: (request, response, [code, ...to]) => {
    response.setHeader('location', decodeURIComponent(to.join('/')))
    answer(response, Number(code))
  },
  // The first times fail, per key.
  flaky: (request, response, [times, code]) => {
    const key = request.headers['idempotency-key']
    const count = (seen.get(key) ?? 0) + 1
    seen.set(key, count)
    if (count <= Number(times)) answer(response, Number(code))
    else keep(request, response)
  },
  // What holds the word `poison` is refused, and the answer repeats what it got.
  picky: (request, response) => {
    const { authorization = '' } = request.headers
    if (request.text.includes('poison'))
      answer(response, 422, `poison from ${authorization}, password=hunter2 ${'y'.repeat(2000)}`)
    else keep(request, response)
  },
}

function take(request) {
  const key = request.headers['idempotency-key'] ?? `none-${kept.size}`
  if (kept.has(key)) {
    repeats += 1
    return
  }
  const kind = { url: request.url, method: request.method, headers: request.headers, body: request.text }
  if (file !== undefined) appendFileSync(file, `${JSON.stringify([key, kind])}\n`)
  kept.set(key, kind)
}

function keep(request, response) {
  take(request)
  answer(response, 200, 'kept')
}

function answer(response, code, text = '') {
  response.writeHead(code, { 'content-type': 'text/plain' })
  response.end(text)
}

function handle(request, response) {
  const path = new URL(request.url, 'http://x').pathname.split('/').slice(1)
  if (path[0] === 'received') {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ kept: Object.fromEntries(kept), repeats, requests, most }))
    return
  }
  busy += 1
  most = Math.max(most, busy)
  response.on('close', () => (busy -= 1))
  const chunks = []
  request.on('error', () => undefined)
  request.on('data', (chunk) => chunks.push(chunk))
  request.on('end', () => {
    request.text = Buffer.concat(chunks).toString('latin1')
    requests.push({ url: request.url, at: Date.now() })
    const behaviour = behaviours[path[0]]
    if (behaviour === undefined) keep(request, response)
    else behaviour(request, response, path.slice(1))
  })
}

const tls = keyFile && {
  key: readFileSync(keyFile),
  cert: readFileSync(certFile),
  ...(clientCa ? { ca: readFileSync(clientCa), requestCert: true, rejectUnauthorized: true } : {}),
}
const server = tls ? createTlsServer(tls, handle) : createServer(handle)
server.listen(Number(port), '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`))
process.stdin.on('end', () => process.exit(0)).resume()
