import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'drakkar-watchdog-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

interface Ended {
  readonly status: number | null
  readonly signal: string | null
  readonly stdout: string
  /** What the watchdog says; Node's own note about debuggers is left out. */
  readonly said: string[]
}

/** Runs a program whose event loop is up and watched when `body` begins. */
function watched(name: string, body: string, limits = 'warnSeconds: 0.3, stallSeconds: 60'): Ended {
  const door = new URL('./watchdog.ts', import.meta.url).href
  const program = join(folder, `${name}.mjs`)
  writeFileSync(
    program,
    `import { openSync } from 'node:fs'
import { startWatchdog } from ${JSON.stringify(door)}
process.on('exit', (code) => console.log('exit', code))
const place = { hook: 'arrange', subject: { messages: [{ topic: 'jobs', partition: 3, offset: 41 }, {}] } }
const recovered = Promise.withResolvers()
const lagging = Promise.withResolvers()
const dog = startWatchdog({
  ${limits},
  onBlocked: (blocked) => recovered.resolve(blocked),
  onLag: (seconds) => { if (seconds > 0.5) lagging.resolve(seconds) },
  onError: (error) => { console.log('watchdog broke', error) },
})
function burn(ms) { const until = performance.now() + ms; while (performance.now() < until); }
const alive = setInterval(() => {}, 1000)
await new Promise(setImmediate)
${body}
clearInterval(alive)
await dog.stop()
await dog.stop()
`,
  )
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, ['--conditions=drakkar-src', program], {
    encoding: 'utf8',
    timeout: 30_000,
    killSignal: 'SIGTERM',
  })
  return { status, signal, stdout, said: stderr.split('\n').filter((line) => line.startsWith('drakkar: ')) }
}

describe('watchdog', () => {
  it('names the hook, its messages and the line that blocks, once, and reports when the loop moves again', () => {
    const { status, stdout, said } = watched(
      'recovers',
      `dog.enter(place)
burn(2500)
dog.leave()
const blocked = await recovered.promise
console.log(JSON.stringify({ ...blocked, seconds: blocked.seconds > 0.3 && blocked.seconds < 10 }))
console.log('lag', await lagging.promise > 1)`,
    )
    expect(said).toEqual([
      expect.stringMatching(
        /^drakkar: hook arrange \(jobs\/3 offset 41 and 1 more\) has blocked the event loop for \d\.\d s, at burn \(file:.*recovers\.mjs:\d+\) < .*; the process ends when it lasts 60 s$/,
      ),
    ])
    expect(stdout).toBe('{"hook":"arrange","detail":"jobs/3 offset 41 and 1 more","seconds":true}\nlag true\nexit 0\n')
    expect(status).toBe(0)
  })

  it('says so when no hook was running, and names the last one', () => {
    const { said, stdout } = watched(
      'outside',
      `dog.enter(place)
dog.leave()
burn(2500)
console.log((await recovered.promise).hook)`,
    )
    expect(said).toEqual([
      expect.stringContaining(
        "drakkar: code outside of a hook's synchronous part (the last hook was arrange, jobs/3 offset 41 and 1 more) has blocked",
      ),
    ])
    expect(stdout).toBe('event loop\nexit 0\n')
  })

  it('ends a process that never moves again with exit code 70, its exit listeners called', () => {
    const { status, stdout, said } = watched(
      'endless',
      'dog.enter(place); for (;;) burn(10)',
      'warnSeconds: 0.2, stallSeconds: 1',
    )
    expect({ status, stdout }).toEqual({ status: 70, stdout: 'exit 70\n' })
    expect(said).toEqual([
      expect.stringContaining('hook arrange (jobs/3 offset 41 and 1 more) has blocked the event loop for 0.'),
      expect.stringMatching(/hook arrange .* has blocked the event loop for 1\.\d s: ending the process$/),
    ])
  })

  it('kills a process that waits in native code, and says so', () => {
    // Opening a pipe for reading waits for a writer, outside of JavaScript.
    const pipe = join(folder, 'pipe')
    execFileSync('mkfifo', [pipe])
    const { signal, said } = watched(
      'native',
      `dog.enter(place); openSync(${JSON.stringify(pipe)}, 'r')`,
      'warnSeconds: 0.2, stallSeconds: 1',
    )
    expect(signal).toBe('SIGKILL')
    expect(said.at(-1)).toBe(
      'drakkar: the main thread does not react (it waits in native code): killing the process with SIGKILL',
    )
  })

  it('does not keep an idle process alive', () => {
    const { status, signal, said } = watched('idle', 'clearInterval(alive); await new Promise(() => {})')
    // 13: nothing is left to do, and the program still waits.
    expect({ status, signal, said }).toEqual({ status: 13, signal: null, said: [] })
  })
})
