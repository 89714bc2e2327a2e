import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import type { LaunchReport, LaunchRequest } from '../../src/flow/executor/launcher/link.ts'
import { type Bench, bench, type LauncherUnderTest, markedProcesses, openFiles, until } from './launcher-kit.ts'

const folder = mkdtempSync(join(tmpdir(), 'dial-'))
afterAll(() => rmSync(folder, { recursive: true }))

interface Listening {
  readonly path: string
  /** The next connection, with what it said first and what followed. */
  next(): Promise<Dialled>
}

class Dialled {
  readonly socket: Socket
  text = ''
  ended = false

  constructor(socket: Socket) {
    this.socket = socket
    socket.setEncoding('utf8')
    socket.on('data', (chunk: string) => {
      this.text += chunk
    })
    socket.on('end', () => {
      this.ended = true
    })
    socket.on('error', () => undefined)
  }
}

async function listen(greeting = ''): Promise<Listening> {
  const path = join(folder, `s${Math.trunc(Math.random() * 1e9)}`)
  const waiting: ((dialled: Dialled) => void)[] = []
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    if (greeting !== '') socket.write(greeting)
    waiting.shift()?.(new Dialled(socket))
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  onTestFinished(() => void server.close())
  return { path, next: () => new Promise((resolve) => waiting.push(resolve)) }
}

interface Started {
  readonly pid: Promise<number>
  readonly report: Promise<LaunchReport>
  readonly kill: () => void
}

function launch(one: Bench, script: string, dial: LaunchRequest['dial'], more: Partial<LaunchRequest> = {}): Started {
  const pid = Promise.withResolvers<number>()
  const report = Promise.withResolvers<LaunchReport>()
  const request: LaunchRequest = {
    program: '/bin/sh',
    args: ['-c', script],
    template: one.launchers.registerEnv({ PATH: process.env['PATH'] ?? '', DRAKKAR_TEST_MARK: one.mark }),
    env: [],
    cwd: '',
    stdin: null,
    timeoutMs: 20_000,
    graceMs: 200,
    stdoutCap: 0,
    stderrCap: 1024,
    capKills: false,
    ...(dial === undefined ? {} : { dial }),
    ...more,
  }
  const kill = one.launchers.launch(request, { started: pid.resolve, ended: report.resolve })
  return { pid: pid.promise, report: report.promise, kill }
}

/** A program whose stdin and stdout are a connection to the worker. */
export function dialSuite(tested: LauncherUnderTest): void {
  describe(`a ${tested.name} launcher that dials for a program`, () => {
    it('says hello and gives it the connection, both ways, and its stderr as ever', async () => {
      await using one = await bench({}, { count: 1, ...tested.options })
      const listening = await listen('early\n')
      const next = listening.next()
      const hello = Buffer.from([0, 1, 255, 10])
      const run = launch(one, 'read first; echo "got $first"; echo note >&2; cat', { path: listening.path, hello })
      const dialled = await next
      expect(await run.pid).toBeGreaterThan(1)
      await until('it answers', () => dialled.text.endsWith('got early\n'))
      expect(Buffer.from(dialled.text.slice(0, 2))).toEqual(hello.subarray(0, 2))
      dialled.socket.write('through\n')
      await until('it echoes', () => dialled.text.endsWith('got early\nthrough\n'))
      dialled.socket.end()
      const report = await run.report
      expect(report).toMatchObject({ kind: 'done', done: { code: 0, errno: 0, stdoutBytes: 0 } })
      if (report.kind === 'done') expect(report.stderr.toString()).toBe('note\n')
      await until('the end is seen', () => dialled.ended)
    })

    it('keeps no copy of it: the listener sees its end when the program closes it', async () => {
      await using one = await bench({}, { count: 1, ...tested.options })
      const listening = await listen()
      const next = listening.next()
      const run = launch(one, 'exec <&- >&-; sleep 600', { path: listening.path, hello: Buffer.alloc(0) })
      const dialled = await next
      await until('the end is seen', () => dialled.ended)
      run.kill()
      expect(await run.report).toMatchObject({ kind: 'done', done: { flags: expect.any(Number) } })
      await until('nothing is left', () => markedProcesses(one.mark).length === 0, 1_000)
    })

    it('lets the program wait for what comes', async () => {
      await using one = await bench({}, { count: 1, ...tested.options })
      const listening = await listen()
      const next = listening.next()
      // Where the connection did not block, `read` would fail at once.
      const run = launch(one, 'read line; echo "$line"', { path: listening.path, hello: Buffer.from('.') })
      const dialled = await next
      await run.pid
      await new Promise((resolve) => setTimeout(resolve, 50))
      dialled.socket.write('late\n')
      expect(await run.report).toMatchObject({ done: { code: 0 } })
      await until('it answered', () => dialled.text === '.late\n')
    })

    it('refuses the start where nobody listens, and names the connection', async () => {
      await using one = await bench({}, { count: 1, ...tested.options })
      const hello = Buffer.from('x')
      const missing = launch(one, 'exit 0', { path: join(folder, 'nobody'), hello })
      expect(await missing.report).toMatchObject({ done: { pid: 0, part: 'dial', errno: 2 } })
      const long = launch(one, 'exit 0', { path: `/tmp/${'x'.repeat(200)}`, hello })
      expect(await long.report).toMatchObject({ done: { pid: 0, part: 'dial' } })
    })

    it('refuses a program that is not there, and closes the connection', async () => {
      await using one = await bench({}, { count: 1, ...tested.options })
      const listening = await listen()
      const next = listening.next()
      const run = launch(one, '', { path: listening.path, hello: Buffer.from('x') }, { program: '/no/such/program' })
      expect(await run.report).toMatchObject({ done: { pid: 0, part: 'program', errno: 2 } })
      const dialled = await next
      await until('the end is seen', () => dialled.ended)
    })

    it('leaves no descriptor behind', async () => {
      await using one = await bench({}, { count: 1, ...tested.options })
      const [pid] = one.launcherPids() as [number]
      const before = openFiles(pid).length
      const listening = await listen()
      for (let turn = 0; turn < 20; turn += 1) {
        const next = listening.next()
        const run = launch(one, 'cat', { path: listening.path, hello: Buffer.from('x') })
        const dialled = await next
        dialled.socket.end()
        expect(await run.report).toMatchObject({ done: { code: 0 } })
      }
      await until('descriptors are closed', () => openFiles(pid).length <= before)
    })
  })
}
