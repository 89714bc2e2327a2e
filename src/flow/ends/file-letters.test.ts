import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Hold, WorkerEvent } from '../../model/index.ts'
import { virtualClock } from '../../testing/virtual-clock.ts'
import type { DeadLetter } from './ends.ts'
import { createFileLetters } from './file-letters.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drakkar-letters-'))
})
afterEach(async () => {
  await chmod(folder, 0o700)
  await rm(folder, { recursive: true })
})

const letter: DeadLetter = {
  assignment: { topic: 'jobs', partition: 4, epoch: 9, owner: 2 },
  message: {
    topic: 'jobs',
    partition: 4,
    offset: 77,
    key: null,
    value: Buffer.from([0, 255]),
    timestamp: 5,
    headers: [
      ['h', Buffer.from('1')],
      ['n', null],
    ],
  },
  deaths: [{ stage: 'delivery', reason: 'refused', sink: 'kafka:out', payloadIds: ['jobs:4:77:0/kafka:out/0'] }],
}

function world(path: string) {
  const clock = virtualClock()
  const held: Hold[] = []
  const events: WorkerEvent[] = []
  const letters = createFileLetters({
    folder: path,
    worker: 'w-1',
    clock,
    random: () => 0,
    announce: (event) => events.push(event),
    holds: {
      place: (_, hold) => {
        held.push(hold)
        return () => held.splice(held.indexOf(hold), 1)
      },
    },
  })
  return { clock, held, events, letters }
}

test('a letter is one file, with the message byte for byte and why it died', async () => {
  const path = join(folder, 'a', 'letters')
  const { letters } = world(path)
  await letters.connect()
  const end = await letters.bury(letter, new AbortController().signal)
  const file = join(path, 'jobs', '4-77.json')
  expect(end).toEqual({ kind: 'dead', to: file, offset: null })
  expect(await readdir(join(path, 'jobs'))).toEqual(['4-77.json'])
  const content = JSON.parse(await readFile(file, 'utf8')) as { headers: [string, string | null][] }
  expect(content).toMatchObject({
    format: 'drakkar-dead-letter/1',
    source: { topic: 'jobs', partition: 4, offset: 77, timestamp: 5 },
    key: null,
    value: Buffer.from([0, 255]).toString('base64'),
  })
  const text = (name: string): string =>
    Buffer.from(content.headers.find(([other]) => other === name)?.[1] ?? '', 'base64').toString()
  expect(content.headers.slice(0, 2)).toEqual([
    ['h', 'MQ=='],
    ['n', null],
  ])
  expect(text('drakkar-dl-payload-ids')).toBe('["jobs:4:77:0/kafka:out/0"]')
  expect(text('drakkar-dl-null-headers')).toBe('[1]')
})

test('a folder that cannot be used is told at the start', async () => {
  const file = join(folder, 'file')
  await writeFile(file, '')
  await expect(world(join(file, 'x')).letters.connect()).rejects.toMatchObject({
    code: 'SINK_UNAVAILABLE',
    message: expect.stringMatching(/^dlq\.path: .*file\/x cannot be used: /) as string,
  })
})

test('a letter that cannot be written holds its partition until it can', async () => {
  const { clock, held, events, letters } = world(folder)
  await letters.connect()
  // A file stands where the folder of the topic has to be.
  await writeFile(join(folder, 'jobs'), '')
  let end: unknown
  const buried = letters.bury(letter, new AbortController().signal).then((answer) => {
    end = answer
  })
  for (let tries = 0; held.length === 0 && tries < 1000; tries += 1) await new Promise(setImmediate)
  expect(held[0]?.reason).toBe('dead-letter')
  expect(held[0]?.detail).toMatch(/jobs\/4 offset 77 cannot be written below .*: ENOTDIR|EEXIST/)
  expect(events).toMatchObject([{ type: 'dead_letter_failed', attempt: 1 }])
  expect(end).toBeUndefined()
  await rm(join(folder, 'jobs'))
  await mkdir(join(folder, 'jobs'))
  await clock.run(10_000)
  await buried
  expect([end, held]).toMatchObject([{ kind: 'dead' }, []])
})
