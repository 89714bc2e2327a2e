import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { childrenNow, DRAKKAR, type Job, type Run, Stage, until } from './cli-kit.ts'

/** `script` of util-linux gives a program a terminal. */
const HAS_SCRIPT = process.platform === 'linux' && spawnSync('script', ['--version'], { stdio: 'ignore' }).status === 0

const HANDLER = `
  import { defineHandler, task } from 'drakkar'
  export default defineHandler({
    arrange: (messages) => messages.map((m) => task(m, { args: ['-c', 'until [ -e "$0" ]; do sleep 0.02; done', m.payload.gate] })),
  })`

let stage: Stage
beforeAll(async () => {
  stage = await Stage.open()
}, 60_000)
afterAll(() => stage[Symbol.asyncDispose]())

interface Watched {
  readonly job: Job
  readonly worker: Run
  readonly env: Readonly<Record<string, string>>
  readonly gate: string
}

/** A worker with four messages, two of which run until the gate is open. */
async function working(): Promise<Watched> {
  const job = await stage.job({ handler: HANDLER, config: { executor: { binary_path: 'sh', max_executors: 2 } } })
  const env = { XDG_RUNTIME_DIR: job.folder }
  const worker = stage.worker(job, { args: ['--worker-id', job.name], env })
  await worker.ready()
  const gate = join(job.folder, 'go')
  await stage.produce(
    job.topic,
    Array.from({ length: 4 }, () => ({ gate })),
  )
  return { job, worker, env, gate }
}

interface Screen {
  readonly run: Run
  /** The picture that was drawn last, without its colours. */
  readonly picture: () => string
  readonly press: (key: string) => void
}

/** The command at a terminal of this size. */
function atTerminal(env: Readonly<Record<string, string>>, columns: number, rows: number, ...args: string[]): Screen {
  const command = [process.execPath, ...DRAKKAR, ...args].map((part) => `'${part}'`).join(' ')
  const line = `stty cols ${columns} rows ${rows}; exec ${command}`
  const run = stage.spawn('script', ['--quiet', '--flush', '--return', '--command', line, '/dev/null'], {
    env,
    stdin: 'pipe',
  })
  return {
    run,
    press: (key) => void run.child.stdin?.write(key),
    picture: () => {
      const drawn = run.stdout.split('\u001B[H').slice(1).at(-1) ?? ''
      return stripVTControlCharacters(drawn.slice(0, drawn.indexOf('\u001B[J'))).replaceAll(/\r+\n/g, '\n')
    },
  }
}

const shows = (screen: Screen, what: RegExp): Promise<unknown> =>
  until(
    () => `${what} in\n${screen.picture()}\n${screen.run.story}`,
    () => what.test(screen.picture()),
  )

async function stopped({ worker }: Watched): Promise<void> {
  worker.child.kill('SIGTERM')
  expect(await worker.exit(), worker.story).toEqual({ code: 0, signal: null })
}

const ENTER = '\u001B[?1049h\u001B[?25l\u001B[?7l'
const LEAVE = '\u001B[?7h\u001B[?25h\u001B[?1049l'

describe.concurrent('drakkar status --watch', () => {
  test.skipIf(!HAS_SCRIPT)(
    'draws over a terminal and gives it back at Ctrl-C',
    async () => {
      const one = await working()
      const screen = atTerminal(one.env, 90, 16, 'status', '--watch', '--every', '0.2')
      await shows(screen, /2 of 2 slots busy · 2 tasks waiting/)
      await shows(screen, /^jobs\S+\/0 +.* {3}head offset 0: task \S+ \w.*…$/m)
      await shows(screen, /\n\n\d\d:\d\d:\d\d · every 0\.2 s · Ctrl-C ends$/)
      const lines = screen.picture().split('\n')
      expect(lines.length).toBeLessThanOrEqual(16)
      expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(90)
      await writeFile(one.gate, '')
      await shows(screen, /0 of 2 slots busy/)
      // What ended is in one of the looks, and in none that comes later.
      await shows(screen, /^0\.0 messages\/s · 0\.0 tasks\/s \(last [\d.]+ s\) · lag 0/m)
      expect(stripVTControlCharacters(screen.run.stdout)).toMatch(/^[1-9][\d.]* messages\/s · .* \(last [\d.]+ s\)/m)
      screen.press('\u0003')
      expect(await screen.run.exit()).toEqual({ code: 0, signal: null })
      expect(screen.run.stdout.split(ENTER)).toHaveLength(2)
      expect(screen.run.stdout.split(LEAVE)).toHaveLength(2)
      // Nothing is left on the shell's screen but the echo of the key.
      expect(screen.run.stdout.split(LEAVE)[1]?.replaceAll('^C', '')).toBe('')
      await stopped(one)
    },
    60_000,
  )

  test.skipIf(!HAS_SCRIPT)(
    'gives the terminal back while it is stopped, and takes it again',
    async () => {
      const one = await working()
      const screen = atTerminal(one.env, 90, 30, 'status', '--watch', '--every', '0.2')
      await shows(screen, /2 of 2 slots busy/)
      const [pid] = childrenNow(screen.run.pid)
      process.kill(pid as number, 'SIGTSTP')
      await until(
        () => 'the stop',
        () => readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') T '),
      )
      process.kill(pid as number, 'SIGCONT')
      await until(
        () => 'the picture again',
        () => {
          // `script` stops with its program, perhaps only now, whatever it has still to show.
          process.kill(screen.run.pid, 'SIGCONT')
          return /slots busy/.test(screen.run.stdout.split(ENTER)[2] ?? '')
        },
      )
      screen.press('\u0003')
      expect(await screen.run.exit()).toEqual({ code: 0, signal: null })
      expect(screen.run.stdout.split(LEAVE)).toHaveLength(3)
      await writeFile(one.gate, '')
      await stopped(one)
    },
    60_000,
  )

  test.skipIf(!HAS_SCRIPT)(
    'ends with the worker, and what was seen last stays',
    async () => {
      const one = await working()
      const screen = atTerminal(one.env, 90, 40, 'status', '--watch', '--every', '0.2')
      await shows(screen, /2 of 2 slots busy/)
      one.worker.child.kill('SIGSTOP')
      await shows(screen, /NO ANSWER for \d+ s: its event loop is blocked, or it is stopped/)
      one.worker.child.kill('SIGKILL')
      expect(await screen.run.exit()).toEqual({ code: 0, signal: null })
      const left = stripVTControlCharacters(screen.run.stdout.split(LEAVE)[1] ?? '')
      expect(left).toMatch(/2 of 2 slots busy/)
      expect(left).toMatch(
        new RegExp(`drakkar: ${one.job.name} \\(pid ${one.worker.pid}\\) has ended at .*; its log says why\\s*$`),
      )
    },
    60_000,
  )

  test('appends where there is no terminal, as text or as JSON lines', async () => {
    const one = await working()
    const text = stage.command(['status', '--watch', '--every', '0.2'], { env: one.env })
    const json = stage.command(['status', '--every', '0.2', '--json'], { env: one.env })
    await until(
      () => `three looks in\n${text.stdout}`,
      () => text.stdout.split('── 20').length > 3 && json.stdout.split('\n').length > 3,
    )
    expect(text.stdout).not.toContain('\u001B')
    expect(text.stdout).toMatch(/^── 20\d\d-\S+Z\nj\d+ {2}ready/)
    json.child.kill('SIGINT')
    expect(await json.exit()).toEqual({ code: 0, signal: null })
    const looks = json.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { readonly counts: object })
    expect(looks[0]?.counts).toMatchObject({ messages: 0, tasks: 0, failed: 0 })
    await writeFile(one.gate, '')
    await stopped(one)
    expect(await text.exit()).toEqual({ code: 0, signal: null })
    expect(text.stdout).toMatch(/\ndrakkar: j\d+ \(pid \d+\) has ended at \S+, after .*; its log says why\n$/)
  }, 60_000)

  test('says what is no time', async () => {
    const run = stage.command(['status', '--watch', '--every', 'often'])
    expect(await run.exit()).toEqual({ code: 2, signal: null })
    expect(run.text[0]).toBe('drakkar: --every often: seconds are meant, from 0.1 to 3600')
  })
})
