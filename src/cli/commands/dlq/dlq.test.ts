import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { deadLetterRecord } from '../../../flow/ends/index.ts'
import type { Death, Header, RawMessage } from '../../../model/index.ts'
import { virtualClock } from '../../../testing/index.ts'
import { type FilterOptions, letterFilter } from './filter.ts'
import { folderLetters, readLetterFile } from './folder-reader.ts'
import { type Letter, REDRIVE_COUNT, readLetter, type StoredLetter } from './letter.ts'
import { redriveGroup } from './place.ts'
import { intoFolder, Redrive, type RedriveOptions } from './redrive.ts'
import { planRedrive } from './redrive-record.ts'
import { Histogram, likeness } from './stats.ts'
import { bytesText, jsonLine, printable, table, wholeText } from './text.ts'

const DIED = Date.UTC(2026, 0, 2, 3, 4, 5)
const death: Death = {
  stage: 'task',
  reason: 'task jobs:4:77:0 exited with code 3',
  verdict: 'exit',
  exitCode: 3,
  stderrTail: Buffer.from('boom\n\x1b[31mred'),
}

/** A letter as a worker writes it, as it is read back. */
function letter(message: Partial<RawMessage> = {}, deaths: readonly Death[] = [death], at = DIED): Letter {
  const whole: RawMessage = {
    topic: 'jobs',
    partition: 4,
    offset: 77,
    key: Buffer.from('k'),
    value: Buffer.from('{"user":{"id":7},"tags":["a"]}'),
    timestamp: 5,
    headers: [['trace', Buffer.from('t1')]],
    ...message,
  }
  const assignment = { topic: 'jobs', partition: 4, epoch: 1, owner: 1 }
  const { key, value, headers } = deadLetterRecord(
    { assignment, message: whole, deaths },
    { topic: 'jobs_dlq', worker: 'w', at },
  )
  const place = { kind: 'topic' as const, topic: 'jobs_dlq', partition: 1, offset: 9 }
  // The client writes null headers as empty ones.
  const sent = headers.map(([name, bytes]): Header => [name, bytes ?? Buffer.alloc(0)])
  return readLetter({ place, key, value, headers: sent, timestamp: 1 })
}

test('for any message: its letter, read and put back, has its key, value and headers', () => {
  const bytes = fc.option(
    fc.uint8Array({ maxLength: 20 }).map((part) => Buffer.from(part)),
    { nil: null },
  )
  const name = fc
    .oneof(fc.string({ maxLength: 8 }), fc.constantFrom('a', 'drakkar-id', '__proto__'))
    .filter((text) => !text.startsWith('drakkar-dl-') && text !== REDRIVE_COUNT)
  fc.assert(
    fc.property(bytes, bytes, fc.array(fc.tuple(name, bytes), { maxLength: 6 }), (key, value, headers) => {
      const plan = planRedrive(letter({ key, value, headers }), undefined, 3)
      expect(plan).toEqual({
        kind: 'send',
        record: { topic: 'jobs', key, value, headers: [...headers, [REDRIVE_COUNT, Buffer.from('1')]] },
      })
    }),
  )
})

test('a letter counts its redrives, and is left when they are enough; without a source it needs a topic', () => {
  const again = letter({
    headers: [
      [REDRIVE_COUNT, Buffer.from('2')],
      ['a', null],
    ],
  })
  expect(again.redrives).toBe(2)
  expect(planRedrive(again, 'other', 3)).toMatchObject({
    record: {
      topic: 'other',
      headers: [
        ['a', null],
        [REDRIVE_COUNT, Buffer.from('3')],
      ],
    },
  })
  expect(planRedrive(again, undefined, 2)).toEqual({ kind: 'leave', why: 'looping' })
  const foreign = readLetter({ ...again.stored, headers: [] })
  expect(planRedrive(foreign, undefined, 3)).toEqual({ kind: 'leave', why: 'no-source' })
  expect(planRedrive(foreign, 'there', 3)).toMatchObject({ kind: 'send', record: { topic: 'there' } })
})

test('any record can be read and shown', () => {
  const bytes = fc.option(
    fc.uint8Array({ maxLength: 40 }).map((part) => Buffer.from(part)),
    { nil: null },
  )
  const fact = fc.constantFrom(
    'stage',
    'reason',
    'at',
    'offset',
    'topic',
    'null-headers',
    'stderr-tail',
    'deaths',
    'count',
  )
  const name = fc.oneof(
    fact.map((text) => `drakkar-dl-${text}`),
    fc.string(),
  )
  fc.assert(
    fc.property(bytes, bytes, fc.array(fc.tuple(name, bytes), { maxLength: 8 }), (key, value, headers) => {
      const read = readLetter({ place: { kind: 'file', path: 'x.json' }, key, value, headers, timestamp: null })
      for (const text of [wholeText(read), table([read], 80)]) expect(text).not.toMatch(/(?![\n\t])\p{Cc}/u)
      expect(jsonLine(read).split('\n')).toHaveLength(2)
      expect(
        table([read], 60)
          .split('\n')
          .every((line) => line.length <= 60),
      ).toBe(true)
      new Histogram().add(read)
    }),
  )
})

describe('the filter', () => {
  const now = DIED + 3_600_000
  const fits = (options: FilterOptions, one: Letter = letter()): boolean => letterFilter(options, now)(one)

  test.each<[FilterOptions, boolean]>([
    [{}, true],
    [{ stage: ['task'] }, true],
    [{ stage: ['parse', 'task'] }, true],
    [{ stage: ['parse'] }, false],
    [{ verdict: ['exit'] }, true],
    [{ verdict: ['signal'] }, false],
    [{ sink: ['kafka:out'] }, false],
    [{ since: '2h' }, true],
    [{ since: '30m' }, false],
    [{ until: '30m' }, true],
    [{ since: '2026-01-02T03:04:05Z', until: '2026-01-02T03:04:06Z' }, true],
    [{ until: '2026-01-02T03:04:05Z' }, false],
    [{ header: ['trace'] }, true],
    [{ header: ['trace=t1'] }, true],
    [{ header: ['trace=t2'] }, false],
    [{ header: ['trace', 'other'] }, false],
    [{ source: 'jobs' }, true],
    [{ source: 'jobs/4/77' }, true],
    [{ source: 'jobs/5' }, false],
    [{ source: 'other' }, false],
    [{ where: ['user.id=7'] }, true],
    [{ where: ['user.id="7"'] }, false],
    [{ where: ['user.id=8'] }, false],
    [{ where: ['tags.0=a'] }, true],
    [{ where: ['user', 'tags'] }, true],
    [{ where: ['nobody'] }, false],
    [{ where: ['user={"id":7}'] }, true],
    [{ text: 'boom' }, true],
    [{ text: 'code 3' }, true],
    [{ text: '"tags"' }, true],
    [{ text: 'nothing' }, false],
    [{ stage: ['task'], text: 'nothing' }, false],
  ])('%j: %s', (options, answer) => {
    expect(fits(options)).toBe(answer)
  })

  test('a value that is no JSON fits no field', () => {
    expect(
      [null, Buffer.from('{'), Buffer.from([0xff])].map((value) => fits({ where: ['a'] }, letter({ value }))),
    ).toEqual([false, false, false])
  })

  test.each<FilterOptions>([
    { since: 'yesterday' },
    { until: '5x' },
    { source: 'a/b' },
    { source: 'a/1/2/3' },
    { source: '' },
  ])('%j is refused with an example', (options) => {
    expect(() => fits(options)).toThrow(
      expect.objectContaining({ code: 'USAGE', advice: expect.stringMatching(/Such as/) as string }) as Error,
    )
  })
})

test('what could play with a terminal is written out', () => {
  expect(printable('a\x1b[31m\x07\u009b\u2028\tb\n')).toBe('a\\x1b[31m\\x07\\x9b\\u2028\tb\n')
  expect(bytesText(Buffer.from([0, 255]))).toMatch(/^000000 {2}00 ff +\.\.$/)
  expect(bytesText(Buffer.alloc(600, 0xff))).toMatch(/… 88 bytes more; --raw/)
  expect(bytesText(Buffer.from('{"a":1}'))).toBe('{\n  "a": 1\n}')
  expect([bytesText(null), bytesText(Buffer.alloc(0)), bytesText(Buffer.from('"a"'))]).toEqual([
    '(null)',
    '(empty)',
    '"a"',
  ])
})

test('golden: a letter whole', () => {
  expect(wholeText(letter())).toBe(`jobs_dlq partition 1 offset 9

Why it died
  stage      task
  reason     task jobs:4:77:0 exited with code 3
  verdict    exit
  exit-code  3
  topic      jobs
  partition  4
  offset     77
  timestamp  5
  worker     w
  at         2026-01-02T03:04:05.000Z
  count      1

The end of its stderr
  boom
  \\x1b[31mred

Key
  k

Headers (1)
  trace: t1

Value (30 bytes)
  {
    "user": {
      "id": 7
    },
    "tags": [
      "a"
    ]
  }
`)
})

test('reasons that differ only in numbers and ids are counted together; codes tell apart', () => {
  expect(likeness('task jobs:4:77:0 exited with code 3')).toBe('task … exited with code 3')
  expect(likeness('bad byte 17 in 0b1c2d3e4f5a6b7c8d9e')).toBe('bad byte … in …')
  const histogram = new Histogram()
  for (let offset = 0; offset < 40; offset += 1) {
    histogram.add(letter({ offset }, [{ ...death, reason: `task jobs:4:${offset}:0 exited with code ${offset % 2}` }]))
  }
  expect(histogram.text(100)).toContain('      20  ━━━━━━━━━━━━━━━━━━━━━━━━  task … exited with code 1\n')
  expect(new Histogram().text(100)).toBe('no letters\n')
})

test('the group is the same for the same wish, and another for another', () => {
  const group = redriveGroup('jobs_dlq', [
    ['stage', ['task']],
    ['to', undefined],
  ])
  expect(
    redriveGroup('jobs_dlq', [
      ['stage', ['task']],
      ['to', undefined],
    ]),
  ).toBe(group)
  expect(redriveGroup('jobs_dlq', [['stage', ['parse']]])).not.toBe(group)
  expect(redriveGroup('jobs_dlq', [['stage', undefined]])).toBe('drakkar-redrive-jobs_dlq')
})

describe('a folder', () => {
  const options = (more: Partial<RedriveOptions>): RedriveOptions => ({
    filter: () => true,
    maxRedrives: 3,
    limit: Number.POSITIVE_INFINITY,
    send: () => Promise.resolve(),
    dryRun: false,
    histogram: new Histogram(),
    clock: virtualClock(),
    signal: new AbortController().signal,
    ...more,
  })
  async function* of(...letters: readonly Letter[]): AsyncGenerator<StoredLetter> {
    for (const one of letters) yield one.stored
  }
  const all = async (folder: string): Promise<StoredLetter[]> => {
    const found: StoredLetter[] = []
    for await (const one of folderLetters(folder, () => undefined)) found.push(one)
    return found
  }

  test('letters go into files and from there to topics; what is back is named so, and what fails stays', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'drakkar-dlq-'))
    try {
      const letters = [2, 10, 1].map((offset) => letter({ offset, headers: [['n', null]] }))
      const into = await new Redrive(options({ send: intoFolder(folder) })).fromFolder(of(...letters))
      expect(into.sent).toBe(3)
      await writeFile(join(folder, 'jobs', '0-0.json'), '{"format":"other"}')
      await mkdir(join(folder, 'empty'))
      const bad: string[] = []
      const sent: unknown[] = []
      const run = new Redrive(
        options({
          send: (record, { source }) => {
            if (source?.offset === 10) return Promise.reject(new Error('the broker is gone'))
            sent.push(record)
            return Promise.resolve()
          },
        }),
      )
      const tally = await run.fromFolder(
        folderLetters(folder, (path, reason) => bad.push(`${path.slice(folder.length)}: ${reason}`)),
      )
      expect(bad).toEqual(['/jobs/0-0.json: it is no dead letter of this format'])
      expect(tally).toMatchObject({
        sent: 2,
        failure: expect.stringMatching(/4-10\.json: the broker is gone/) as string,
      })
      expect(sent[0]).toMatchObject({
        topic: 'jobs',
        headers: [
          ['n', null],
          [REDRIVE_COUNT, Buffer.from('1')],
        ],
      })
      expect((await readdir(join(folder, 'jobs'))).sort()).toEqual([
        '0-0.json',
        '4-1.json.done',
        '4-10.json',
        '4-2.json.done',
      ])
      expect((await all(folder)).map(({ place }) => place)).toEqual([
        { kind: 'file', path: join(folder, 'jobs', '4-10.json') },
      ])
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  test('a letter that went back and cannot be marked ends it, and is told apart from the others', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'drakkar-dlq-'))
    try {
      await new Redrive(options({ send: intoFolder(folder) })).fromFolder(
        of(letter({ offset: 1 }), letter({ offset: 2 }), letter({ offset: 3 })),
      )
      // Nothing can be renamed to a folder that holds something.
      await mkdir(join(folder, 'jobs', '4-2.json.done', 'x'), { recursive: true })
      const sent: unknown[] = []
      const send: RedriveOptions['send'] = async (_, { source }) => sent.push(source?.offset)
      const tally = await new Redrive(options({ send })).fromFolder(folderLetters(folder, () => undefined))
      expect(sent).toEqual([1, 2])
      expect(tally).toMatchObject({ sent: 2, unmarked: 1 })
      expect(tally.failure).toMatch(/4-2\.json went back, but its file could not be named 4-2\.json\.done: /)
      expect((await all(folder)).map(({ place }) => place)).toEqual(
        ['4-2.json', '4-3.json'].map((name) => ({ kind: 'file', path: join(folder, 'jobs', name) })),
      )
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  test('a dry run sends nothing and touches no file; a limit ends it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'drakkar-dlq-'))
    try {
      await new Redrive(options({ send: intoFolder(folder) })).fromFolder(
        of(letter({ offset: 1 }), letter({ offset: 2 })),
      )
      const send = () => Promise.reject(new Error('it was sent'))
      const dry = new Redrive(options({ send, dryRun: true, limit: 1 }))
      expect(await dry.fromFolder(folderLetters(folder, () => undefined))).toMatchObject({ sent: 1 })
      expect(await readdir(join(folder, 'jobs'))).toEqual(['4-1.json', '4-2.json'])
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  test.each([
    '',
    '[]',
    'null',
    '{"format":"drakkar-dead-letter/1"}',
    '{"format":"drakkar-dead-letter/1","headers":[1]}',
    '{"format":"drakkar-dead-letter/1","headers":[],"key":5}',
  ])('a file with %j is no letter', (text) => {
    expect(() => readLetterFile('x', text)).toThrow()
  })
})
