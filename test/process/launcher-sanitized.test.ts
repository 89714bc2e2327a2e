import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { type ToLauncher, writeToLauncher } from '../../src/flow/executor/launcher/frames.ts'
import { SETTINGS, type StartFrame } from '../../src/flow/executor/launcher/start-frame.ts'
import { FrameWriter } from '../../src/flow/executor/launcher/wire.ts'
import { seededRandom } from '../../src/lib/index.ts'
import { controlSuite } from './launcher-control-suite.ts'
import { deathsSuite } from './launcher-deaths-suite.ts'
import { dialSuite } from './launcher-dial-suite.ts'
import { runsSuite } from './launcher-runs-suite.ts'
import { compileSanitized, HAS_COMPILER, LAUNCHER_SOURCES, listOf } from './native-build.ts'

const folder = mkdtempSync(join(tmpdir(), 'sanitized-'))
const launcher = join(folder, 'launcher')
const fuzzer = join(folder, 'fuzz')
const reports = join(folder, 'report')
// What a sanitizer finds goes into files: the launcher's stderr is the worker's.
for (const name of ['ASAN_OPTIONS', 'UBSAN_OPTIONS', 'LSAN_OPTIONS']) process.env[name] = `log_path=${reports}`

const findings = (): string[] =>
  readdirSync(folder)
    .filter((name) => name.startsWith('report'))
    .map((name) => readFileSync(join(folder, name), 'utf8'))

afterAll(() => rmSync(folder, { recursive: true }))

describe.skipIf(!HAS_COMPILER)('the native launcher with sanitizers', () => {
  if (!HAS_COMPILER) return
  compileSanitized(LAUNCHER_SOURCES, launcher)
  const nativeLaunchers = listOf(folder, 'launcher')
  runsSuite({ name: 'sanitized', options: { kind: 'native', nativeLaunchers } })
  deathsSuite({ name: 'sanitized', options: { kind: 'native', nativeLaunchers } })
  dialSuite({ name: 'sanitized', options: { kind: 'native', nativeLaunchers } })
  controlSuite({ name: 'sanitized', options: { kind: 'native', nativeLaunchers } })

  it('reads frames at random without a wrong access', () => {
    const sources = ['fuzz/fuzz.c', 'request.c', 'buffer.c']
    compileSanitized(
      sources.map((name) => join(import.meta.dirname, '..', '..', 'launcher', name)),
      fuzzer,
    )
    const seed = String(Math.trunc(Date.now() / 1000))
    const { status, stdout, stderr } = spawnSync(fuzzer, [seed, '2000'], { encoding: 'utf8' })
    expect(status, `seed ${seed}: ${stderr}`).toBe(0)
    expect(Number(stdout.split(' ')[0])).toBeGreaterThan(10_000)
  })

  it('ends well, whatever comes through its socket', async () => {
    for (let seed = 1; seed <= 40; seed += 1) expect(await endAfter(noise(seed)), `seed ${seed}`).toBe(0)
  })

  it('has no finding', () => {
    expect(findings()).toEqual([])
  })
})

/** Starts of a program that is not there, and everything else that a worker says, changed in a few places. */
function noise(seed: number): Buffer {
  const random = seededRandom(seed)
  const below = (limit: number): number => Math.floor(random() * limit)
  const start: StartFrame = {
    id: 1,
    template: 1,
    env: [['A', 'x'.repeat(below(200))]],
    program: '/no/such/program',
    args: Array.from({ length: below(5) }, (_, at) => `argument ${at}`),
    cwd: '',
    timeoutMs: below(50),
    graceMs: 1,
    stdoutCap: 10,
    stderrCap: 10,
    capKills: true,
    stdin: Buffer.alloc(below(70_000), 1),
    stdinMore: true,
    spill: { file: '/no/such/folder/out', maxBytes: below(1_000) },
    settings: [
      [SETTINGS.openFiles, 30 + below(30)],
      [below(25), below(100)],
    ],
  }
  const other = { ...start, id: 2, stdin: null, stdinMore: false }
  const frames: ToLauncher[] = [
    { type: 'env', template: 1, entries: [['PATH', '/no/such/folder']] },
    { type: 'start', start },
    { type: 'stdin', id: 1, last: false, bytes: Buffer.alloc(100) },
    { type: 'kill', id: 1, now: false },
    { type: 'start', start: { ...other, dial: { path: '/no/such/socket', hello: Buffer.alloc(below(100), 7) } } },
    { type: 'start', start: { ...other, id: 3, stdinFile: '/no/such/file' } },
  ]
  const out = new FrameWriter()
  for (const frame of frames) writeToLauncher(out, frame)
  const bytes = Buffer.from(out.take())
  for (let change = below(6); change > 0; change -= 1) bytes[below(bytes.length)] = below(256)
  return bytes.subarray(0, seed % 3 === 0 ? below(bytes.length) : bytes.length)
}

/** The exit code of a launcher that gets these bytes and then the end of its socket. */
async function endAfter(bytes: Buffer): Promise<number | string | null> {
  const path = join(mkdtempSync(join(tmpdir(), 'noise-')), 's')
  const connected = Promise.withResolvers<Socket>()
  const server = createServer(connected.resolve)
  await new Promise<void>((resolve) => server.listen(path, resolve))
  const child = spawn(launcher, [path, '0'], { stdio: ['ignore', 'ignore', 'ignore'] })
  const ended = new Promise<number | string | null>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? code))
  })
  const socket = await connected.promise
  socket.on('error', () => undefined)
  socket.resume()
  socket.end(bytes)
  const code = await ended
  socket.destroy()
  server.close()
  return code
}
