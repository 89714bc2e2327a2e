import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { check, type Evidence, isRight, type Seen } from '../../examples/search/director/check.ts'
import { block, type Moment, plainLine } from '../../examples/search/director/display.ts'
import { paint } from '../../examples/search/director/paint.ts'
import { isAnswered, makeRequests } from '../../examples/search/director/requests.ts'
import { summary } from '../../examples/search/director/summary.ts'
import { until } from './cli-kit.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const DEMO = join(ROOT, 'examples', 'search', 'demo.ts')
const FOLDER = /folder +(\S+)/
const WORKER = /worker .*, (\d+)$/m
const started = new Set<ChildProcess>()

afterAll(() => {
  for (const child of started) child.kill('SIGKILL')
})

class DemoRun {
  readonly child: ChildProcess
  output = ''
  readonly code: Promise<number | null>

  constructor(args: readonly string[]) {
    const child = spawn(process.execPath, ['--conditions=drakkar-src', DEMO, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    started.add(child)
    this.child = child
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.output += chunk.toString()
      })
    }
    this.code = once(child, 'close').then(([code]) => {
      started.delete(child)
      return code as number | null
    })
  }

  says(pattern: RegExp): Promise<string> {
    return until(
      () => `${String(pattern)} in ${this.output}`,
      () => pattern.exec(this.output)?.[1],
    )
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test('everything flows, is counted, and nothing is left behind', async () => {
  const run = new DemoRun(['--requests', '200'])
  const folder = await run.says(FOLDER)
  const worker = Number(await run.says(WORKER))
  expect(await run.code, run.output).toBe(0)
  expect(run.output).toMatch(/requests with one end +207 +207 +0 +0 +0 ✓/)
  expect(run.output).toMatch(/dead letters +10 +10 +0 +0 +0 ✓/)
  expect(run.output).toMatch(/failed once, run again +10 +10 +0 +0 +0 ✓/)
  expect(run.output).toContain('Nothing lost, nothing twice')
  expect({ folder: existsSync(folder), worker: isAlive(worker) }).toEqual({ folder: false, worker: false })
}, 120_000)

test('files that were tampered with are found out: the status is 1, and with --keep they can be looked at', async () => {
  const run = new DemoRun(['--requests', '200', '--keep'])
  const folder = await run.says(FOLDER)
  const file = join(folder, 'answers', 'text.jsonl')
  // The worker keeps writing to the file that is taken away: those answers are not where they belong.
  await until(
    () => `lines in ${file}`,
    () => existsSync(file) && readFileSync(file, 'utf8').length > 0,
  )
  const copy = join(folder, 'taken')
  await rename(file, copy)
  await writeFile(join(folder, 'answers', 'twice.jsonl'), '{"id":"r999999"}\n')
  expect(await run.code, run.output).toBe(1)
  expect(run.output).toMatch(/answers in files: \d+ missing \(r\d+, .*; 1 wrong \(r999999\)/)
  expect(run.output).toMatch(/answers in Kafka +197 +197 +0 +0 +0 ✓/)
  expect((await readdir(folder)).sort()).toEqual(expect.arrayContaining(['answers', 'library', 'taken', 'worker.log']))
  await rm(folder, { recursive: true })
}, 120_000)

test.each(['SIGINT', 'SIGTERM'] as const)(
  '%s ends all that it started',
  async (signal) => {
    const run = new DemoRun(['--requests', '5000'])
    const folder = await run.says(FOLDER)
    const broker = await run.says(/kafka .* (127\.0\.0\.1:\d+)$/m)
    const worker = Number(await run.says(WORKER))
    await run.says(/done ([1-9]\d*) /)
    run.child.kill(signal)
    expect(await run.code).toBe(signal === 'SIGINT' ? 130 : 143)
    expect(run.output).toContain('Interrupted.')
    expect({ folder: existsSync(folder), worker: isAlive(worker) }).toEqual({ folder: false, worker: false })
    await expect(fetch(`http://${broker}`)).rejects.toThrow()
  },
  120_000,
)

test.each([
  [['--requests', '7'], '--requests 7: a whole number from 100'],
  [['--requests', '60000'], 'more needs --brokers'],
  [['--request', '700'], "Unknown option '--request'"],
])('%j is wrong usage', async (args, says) => {
  const run = new DemoRun(args)
  expect(await run.code).toBe(2)
  expect(run.output).toContain(says)
  expect(run.output).toContain('Usage: npm run demo')
})

describe('the check', () => {
  const requests = makeRequests(200, ['kafka', 'offset', 'commit'])
  const seen = (id: string, text: string): Seen => ({ id, text })
  const answers = requests.filter(isAnswered).map(({ id, kind, find }) => {
    return seen(id, JSON.stringify({ id, find, lines: find.length, attempts: kind === 'fails once' ? 2 : 1 }))
  })
  const source = requests.map(({ id, value }) => seen(id, value.toString()))
  const good: Evidence = {
    requests,
    source,
    answers,
    lines: answers,
    deadLetters: source.filter(({ id }) => !answers.some((answer) => answer.id === id)),
    ends: new Map([
      [0, 100],
      [1, 107],
    ]),
    committed: new Map([
      [0, 100],
      [1, 107],
    ]),
    counted: new Map(requests.map(({ find }) => [find, find.length])),
  }
  const verdict = (evidence: Evidence): string[] =>
    check(evidence)
      .filter((row) => !isRight(row))
      .map(({ what }) => what)
  const [first, second] = answers as [Seen, Seen]
  const dead = good.deadLetters[0] as Seen

  test('takes what is right', () => {
    expect(verdict(good)).toEqual([])
    expect(good.deadLetters).toHaveLength(10)
  })

  test.each<[string, Partial<Evidence>, string[]]>([
    ['an answer is missing in Kafka', { answers: answers.slice(1) }, ['answers in Kafka', 'requests with one end']],
    ['an answer is twice in Kafka', { answers: [...answers, first] }, ['answers in Kafka', 'requests with one end']],
    ['an answer is missing in the files', { lines: answers.slice(1) }, ['answers in files']],
    ['an answer is twice in the files', { lines: [...answers, first] }, ['answers in files']],
    [
      'a line is not what the topic holds',
      { lines: [seen(first.id, second.text), ...answers.slice(1)] },
      ['answers in files'],
    ],
    ['a dead letter is missing', { deadLetters: good.deadLetters.slice(1) }, ['dead letters', 'requests with one end']],
    [
      'a dead letter is not the message',
      { deadLetters: [seen(dead.id, 'x'), ...good.deadLetters.slice(1)] },
      ['dead letters'],
    ],
    [
      'an answered request is dead too',
      { deadLetters: [...good.deadLetters, source.find(({ id }) => id === first.id) as Seen] },
      ['dead letters', 'requests with one end'],
    ],
    ['a request never arrived', { source: source.slice(1) }, ['requests in Kafka']],
    [
      'a commit is behind',
      {
        committed: new Map([
          [0, 99],
          [1, 107],
        ]),
      },
      ['offsets committed'],
    ],
    [
      'two commits make up for each other',
      {
        committed: new Map([
          [0, 101],
          [1, 106],
        ]),
      },
      ['offsets committed'],
    ],
    ['a number is wrong', { counted: new Map(requests.map(({ find }) => [find, 1])) }, ['sample counted again']],
  ])('finds out that %s', (_, change, wrong) => {
    expect(verdict({ ...good, ...change })).toEqual(expect.arrayContaining(wrong))
    expect(summary(check({ ...good, ...change }), paint(false)).join('\n')).toContain('✗ This is not right')
  })
})

describe('the display', () => {
  const moment: Moment = {
    seconds: 123.4,
    doing: 'searching, and saying so at some length: longer than a narrow terminal is wide',
    total: 50_007,
    produced: 50_007,
    answers: 49_000,
    dead: 10,
    committed: 0,
    running: 64,
    slots: 64,
    waiting: 9,
    retried: 2_500,
    rates: Array.from({ length: 300 }, (_, at) => at * 7),
  }

  test.each([80, 60, 48])('fits into %i columns', (columns) => {
    for (const line of block(moment, columns, paint(false))) expect(line.length).toBeLessThanOrEqual(columns)
  })

  test('says it all in one line where there is no terminal', () => {
    const { running, dead, retried } = moment
    for (const figure of [
      '50,007',
      String(running),
      '49,010',
      String(dead),
      retried.toLocaleString('en-US'),
      'searching',
    ]) {
      expect(plainLine(moment)).toContain(figure)
    }
  })

  test('of nothing at all shows nothing wrong', () => {
    const nothing = { ...moment, total: 0, produced: 0, answers: 0, dead: 0, running: 0, slots: 0, rates: [] }
    expect(block(nothing, 80, paint(false)).join('\n')).not.toMatch(/NaN|undefined|Infinity/)
    expect(plainLine(nothing)).not.toMatch(/NaN|undefined|Infinity/)
  })
})

test('the same requests are made every time, in the shares that the demo promises', () => {
  const requests = makeRequests(5_000, ['kafka', 'offset'])
  const count = (kind: string): number => requests.filter((request) => request.kind === kind).length
  expect(requests).toHaveLength(5_007)
  expect([count('slow'), count('fails once'), count('absent'), count('hopeless'), count('unparsable')]).toEqual([
    150, 250, 100, 3, 7,
  ])
  expect(new Set(requests.map(({ id }) => id)).size).toBe(requests.length)
  expect(makeRequests(5_000, ['kafka', 'offset'])).toEqual(requests)
})
