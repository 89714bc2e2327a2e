import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { sampleView } from '../../../test/support/worker-events.ts'
import type { WorkerView } from '../../model/index.ts'
import { createOpsServer, type OpsServer, type OpsServerOptions } from './server.ts'

const open: OpsServer[] = []
afterEach(async () => {
  for (const server of open.splice(0)) await server.stop()
})

async function serve(over: Partial<OpsServerOptions> = {}): Promise<{ server: OpsServer; url: string }> {
  const server = createOpsServer({
    host: '127.0.0.1',
    port: 0,
    metrics: { text: async () => 'drakkar_x 1\n', contentType: 'text/plain; version=0.0.4' },
    view: () => sampleView(),
    ...over,
  })
  open.push(server)
  await server.start()
  return { server, url: `http://127.0.0.1:${server.address()?.port}` }
}

const held = {
  topic: 'jobs',
  partition: 3,
  kind: 'held',
  why: 'held: binary: /bin/nothing does not exist; head offset 41: task jobs:3:41:0 running 650 ms (pid 99, slot 1); paused: messages (as many are in flight as may be)',
}

const notReady = (): WorkerView => sampleView({ notReady: ['partition jobs:3 held: binary'] })

describe('ops server', () => {
  it('answers metrics, health and the index', async () => {
    const { url } = await serve()
    const metrics = await fetch(`${url}/metrics?x=1`)
    expect([metrics.status, metrics.headers.get('content-type'), await metrics.text()]).toEqual([
      200,
      'text/plain; version=0.0.4',
      'drakkar_x 1\n',
    ])
    const health = await fetch(`${url}/healthz`)
    expect([health.status, await health.text()]).toEqual([200, 'ok\n'])
    const page = await fetch(url)
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('href="/readyz"')])
  })

  it('is ready with 200 and no reasons', async () => {
    const { url } = await serve()
    const ready = await fetch(`${url}/readyz`)
    expect([ready.status, await ready.json()]).toEqual([200, { ready: true, reasons: [], partitions: [held] }])
  })

  it('is not ready with 503 and the reasons, for machines and for people', async () => {
    const { url } = await serve({ view: notReady })
    const json = await fetch(`${url}/readyz`)
    expect([json.status, await json.json()]).toEqual([
      503,
      { ready: false, reasons: ['partition jobs:3 held: binary'], partitions: [held] },
    ])
    for (const headers of [{ accept: 'text/plain' }, { 'user-agent': 'curl/8.1', accept: '*/*' }]) {
      const text = await fetch(`${url}/readyz`, { headers })
      expect([text.status, await text.text()]).toEqual([503, 'not ready:\n- partition jobs:3 held: binary\n'])
    }
  })

  it.each(['starting', 'stopping', 'stopped'] as const)('is not ready while %s', async (phase) => {
    const { url } = await serve({ view: () => sampleView({ phase }) })
    const answer = await fetch(`${url}/readyz`)
    expect([answer.status, await answer.json()]).toMatchObject([
      503,
      { ready: false, reasons: [`the worker is ${phase}`] },
    ])
  })

  it('refuses other methods and paths, and answers HEAD without a body', async () => {
    const { url } = await serve()
    const post = await fetch(`${url}/readyz`, { method: 'POST', body: 'x' })
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
    expect((await fetch(`${url}/nothing`)).status).toBe(404)
    const head = await fetch(`${url}/healthz`, { method: 'HEAD' })
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '3', ''])
  })

  it('has no /metrics where metrics are off', async () => {
    const { url } = await serve({ metrics: null })
    expect((await fetch(`${url}/metrics`)).status).toBe(404)
    expect(await (await fetch(url)).text()).not.toContain('/metrics')
  })

  it('says 500 and goes on when the metrics cannot be read', async () => {
    const text = (): Promise<string> => Promise.reject(new Error('no view of https://a:b@c'))
    const { url } = await serve({ metrics: { text, contentType: 'text/plain' } })
    const answer = await fetch(`${url}/metrics`)
    expect([answer.status, await answer.text()]).toEqual([
      500,
      'this cannot be answered now: no view of https://***@c\n',
    ])
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
  })

  it('names host, port and key when the port is taken', async () => {
    const { server } = await serve()
    const port = server.address()?.port as number
    await expect(serve({ port })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: `metrics.port: cannot listen on 127.0.0.1:${port}: another process listens there`,
    })
  })

  it('stops although a connection hangs, twice, and before it started', async () => {
    const { server } = await serve({ requestMs: 600_000 })
    const socket = await new Promise<Socket>((resolve) => {
      const opened = connect(server.address()?.port as number, '127.0.0.1', () => resolve(opened))
    })
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.on('error', () => {})
    socket.write('GET /metrics HTTP/1.1\r\n')
    await server.stop()
    await closed
    await server.stop()
    expect(server.address()).toBeNull()
    await createOpsServer({ host: '127.0.0.1', port: 0, metrics: null, view: () => sampleView() }).stop()
  })

  it('drops a client that never finishes its request', async () => {
    const { server } = await serve({ requestMs: 200 })
    const closed = await new Promise<string>((resolve) => {
      let got = ''
      const socket = connect(server.address()?.port as number, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nx: '))
      socket.on('data', (chunk) => {
        got += String(chunk)
      })
      socket.on('close', () => resolve(got))
    })
    expect(closed).toContain('408')
  })
})
