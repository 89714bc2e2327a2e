import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { sampleView } from '../../../test/support/worker-events.ts'
import type { Answered, Control } from '../../model/index.ts'
import { virtualClock } from '../../testing/index.ts'
import { socketPath } from './places.ts'
import { parseRequest, type WorkerStatus } from './protocol.ts'
import { type ControlServer, createControlServer } from './server.ts'
import { createStatusBook } from './status-book.ts'

const folder = mkdtempSync(join(tmpdir(), 'drakkar-control-'))
const servers: ControlServer[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop()
  rmSync(join(folder, 'sockets'), { recursive: true, force: true })
})

const status: WorkerStatus = {
  version: '1',
  pid: 1,
  group: 'g',
  uptimeMs: 1,
  view: sampleView(),
  whys: [],
  runs: [],
  launchers: [],
  rates: { seconds: 1, messages: 0, tasks: 0, failed: 0 },
  counts: { messages: 0, tasks: 0, failed: 0 },
}

async function serve(control: Partial<Control>, workerId = 'w1'): Promise<string> {
  const server = createControlServer({
    control: () => control as Control,
    status: () => status,
    workerId,
    folder: join(folder, 'sockets'),
    idleMs: 300,
  })
  servers.push(server)
  return server.start()
}

/** Writes these bytes and answers all that comes back until the other side is done. */
function talk(path: string, ...chunks: readonly string[]): Promise<string[]> {
  return new Promise((resolve, reject) => {
    let got = ''
    const socket = connect(path, () => {
      for (const chunk of chunks) socket.write(chunk)
    })
    socket.on('data', (chunk) => {
      got += String(chunk)
    })
    socket.once('error', reject)
    socket.once('close', () => resolve(got.split('\n').slice(0, -1)))
  })
}

describe('the control socket', () => {
  it('answers each line in its order, also where they come in pieces, and hangs up on silence', async () => {
    const asked: string[] = []
    const path = await serve({
      cancelTask: (id, by): Answered => {
        asked.push(`${id} ${by}`)
        return { ok: true, said: 'done' }
      },
    })
    const lines = await talk(
      path,
      '{"verb":"can',
      'cel","task":"a","by":"ann"}\nwhat?\n\n{"verb":"cancel","task":"b"}\n',
    )
    expect(asked).toEqual(['a ann', 'b unknown'])
    expect(lines.map((line) => (JSON.parse(line) as { ok: boolean }).ok)).toEqual([true, false, true])
    expect(lines[1]).toContain('this is not JSON')
  })

  it('ends a line that never ends, and one that is too long', async () => {
    const path = await serve({})
    for (const text of ['x'.repeat(70_000), `${'x'.repeat(70_000)}\n`]) {
      expect((await talk(path, text)).join()).toContain('a request has at most 65536 bytes')
    }
  })

  it('tells what goes wrong in the worker to who asked', async () => {
    const path = await serve({
      setMaxExecutors: () => {
        throw new Error('no slots')
      },
    })
    expect(await talk(path, '{"verb":"set","max_executors":3}\n')).toEqual([
      '{"ok":false,"why":"this went wrong in the worker: no slots"}',
    ])
  })

  it('is there for both of two workers of one name', async () => {
    const first = await serve({})
    const second = await serve({})
    expect(second).not.toBe(first)
    expect((await talk(first, '{"verb":"status"}\n')).length).toBe(1)
    expect((await talk(second, '{"verb":"status"}\n')).length).toBe(1)
  })
})

it('names a socket by the worker, or by a hash where that is no file name or too long', () => {
  expect(socketPath('/run/x', 'worker-1')).toBe('/run/x/worker-1.sock')
  for (const id of ['../../etc/x', '.hidden', 'a b', 'w'.repeat(200)]) {
    expect(socketPath('/run/x', id)).toMatch(/^\/run\/x\/[0-9a-f]{16}\.sock$/)
  }
})

it('takes control characters out of who asks', () => {
  expect(parseRequest('{"verb":"cancel","task":"t","by":"a\\u001b[2Jb\\n"}')).toMatchObject({ by: 'a?[2Jb?' })
})

it('counts by the second, over the last half minute', async () => {
  const clock = virtualClock()
  const book = createStatusBook(clock)
  for (let second = 0; second < 40; second += 1) {
    for (let n = 0; n < 3; n += 1) book.listen({ type: 'message_ended' } as never)
    book.listen({ type: 'task_finished', failed: second % 2 === 0 } as never)
    await clock.run(1000)
  }
  expect(book.rates()).toEqual({ seconds: 30, messages: 2.9, tasks: 29 / 30, failed: expect.closeTo(0.5, 1) })
  await clock.run(60_000)
  expect(book.rates()).toMatchObject({ messages: 0, tasks: 0 })
  expect(book.counts()).toEqual({ messages: 120, tasks: 40, failed: 20 })
})
