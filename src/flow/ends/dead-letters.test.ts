import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { kafkaError, ScriptedProducer } from '../../../test/contract/scripted-producer.ts'
import type { Hold, WorkerEvent } from '../../model/index.ts'
import { type VirtualClock, virtualClock } from '../../testing/virtual-clock.ts'
import { createDeadLetters, type DeadLettersOptions, deadLetterTopic } from './dead-letters.ts'
import type { DeadLetter, DeadLetters } from './ends.ts'

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
  deaths: [{ stage: 'task', reason: 'exit code 3' }],
}

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drakkar-ends-'))
})
afterEach(() => rm(folder, { recursive: true }))

class World {
  readonly producer: ScriptedProducer = new ScriptedProducer({ jobs_dlq: 3 })
  readonly clock: VirtualClock = virtualClock()
  readonly events: WorkerEvent[] = []
  readonly held: Hold[] = []
  /** Every hold that was ever placed. */
  readonly placed: Hold[] = []
  readonly deadLetters: DeadLetters
  readonly abort: AbortController = new AbortController()

  constructor(options: Partial<DeadLettersOptions> = {}) {
    this.deadLetters = createDeadLetters({
      producer: this.producer,
      topicOf: deadLetterTopic,
      sourceTopics: ['jobs'],
      worker: 'w-1',
      oversize: { to: 'hold' },
      clock: this.clock,
      random: () => 0,
      announce: (event) => this.events.push(event),
      holds: {
        place: (_, hold) => {
          this.held.push(hold)
          this.placed.push(hold)
          return () => this.held.splice(this.held.indexOf(hold), 1)
        },
      },
      ...options,
    })
  }

  bury(): Promise<unknown> {
    return this.deadLetters.bury(letter, this.abort.signal).then(
      (end) => end,
      (error: unknown) => ({ rejected: error }),
    )
  }
}

test('the receipt comes when the broker acknowledged, not before', async () => {
  const world = new World()
  const { promise: acknowledged, resolve: acknowledge } = Promise.withResolvers<null>()
  world.producer.script = () => acknowledged
  let end: unknown
  void world.bury().then((answer) => {
    end = answer
  })
  await world.clock.run(60_000)
  expect(world.producer.sent).toHaveLength(1)
  expect(end).toBeUndefined()
  acknowledge(null)
  await world.clock.run(0)
  expect(end).toEqual({ kind: 'dead', to: 'jobs_dlq', offset: 0 })
  expect(world.producer.log[0]).toMatchObject({ topic: 'jobs_dlq', key: null, value: Buffer.from([0, 255]) })
  expect([world.events, world.placed]).toEqual([[], []])
})

test('where it cannot be written the partition is held with the last reason, and it is tried until it works', async () => {
  const world = new World()
  world.producer.script = (_, call) =>
    call > 6 ? null : kafkaError('ERR__MSG_TIMED_OUT', call > 3 ? 'still no' : 'no')
  const end = world.bury()
  await world.clock.run(0)
  expect(world.held).toHaveLength(1)
  expect(world.held[0]?.reason).toBe('dead-letter')
  expect(world.held[0]?.detail).toMatch(
    /jobs\/4 offset 77 cannot be written to jobs_dlq: no\. Check that the topic exists/,
  )
  await world.clock.run(200 + 400 + 800)
  expect(world.held).toHaveLength(1)
  expect(world.held[0]?.detail).toContain('still no')
  expect(world.placed).toHaveLength(2)
  await world.clock.run(1600 + 3200 + 6400)
  expect(await end).toEqual({ kind: 'dead', to: 'jobs_dlq', offset: 0 })
  expect(world.held).toEqual([])
  const failed = world.events.filter((event) => event.type === 'dead_letter_failed')
  expect(failed.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4, 5, 6])
  expect(failed[0]).toEqual({
    type: 'dead_letter_failed',
    at: { topic: 'jobs', partition: 4 },
    error: 'no',
    attempt: 1,
  })
})

test('an abort rejects at once, also while an attempt hangs or waits, and lifts the hold', async () => {
  const waiting = new World()
  waiting.producer.script = () => new Error('no')
  const first = waiting.bury()
  await waiting.clock.run(100)
  waiting.abort.abort(new Error('partition lost'))
  expect(await first).toEqual({ rejected: new Error('partition lost') })
  expect(waiting.held).toEqual([])
  await waiting.clock.runUntilIdle()
  expect(waiting.producer.sent).toHaveLength(1)

  const hanging = new World()
  const { promise, resolve } = Promise.withResolvers<Error>()
  hanging.producer.script = () => promise
  const second = hanging.bury()
  await hanging.clock.run(0)
  hanging.abort.abort(new Error('partition lost'))
  expect(await second).toEqual({ rejected: new Error('partition lost') })
  resolve(new Error('no'))
  await hanging.clock.runUntilIdle()
  expect([hanging.events, hanging.placed]).toEqual([[], []])
  expect(await hanging.bury()).toEqual({ rejected: new Error('partition lost') })
})

test('a letter that is too large becomes a whole file, the same for the same message', async () => {
  const world = new World({ oversize: { to: 'file', folder: join(folder, 'deep', 'oversize') } })
  await world.deadLetters.connect()
  world.producer.script = () => kafkaError('ERR_MSG_SIZE_TOO_LARGE')
  const path = join(folder, 'deep', 'oversize', 'jobs', '4-77.json')
  expect(await world.bury()).toEqual({ kind: 'dead', to: path, offset: null })
  expect(await world.bury()).toEqual({ kind: 'dead', to: path, offset: null })
  const file = JSON.parse(await readFile(path, 'utf8')) as { headers: [string, string | null][] }
  expect(file).toMatchObject({
    format: 'drakkar-dead-letter/1',
    topic: 'jobs_dlq',
    source: { topic: 'jobs', partition: 4, offset: 77, timestamp: 5 },
    key: null,
    value: Buffer.from([0, 255]).toString('base64'),
  })
  expect(file.headers.slice(0, 3)).toEqual([
    ['h', Buffer.from('1').toString('base64')],
    ['n', null],
    ['drakkar-dl-stage', Buffer.from('task').toString('base64')],
  ])
  expect(await readdir(join(folder, 'deep', 'oversize', 'jobs'))).toEqual(['4-77.json'])
  expect([world.events, world.placed]).toEqual([[], []])
})

test('a file that cannot be written is no end either: the partition is held, and no half file stays', async () => {
  const world = new World({ oversize: { to: 'file', folder } })
  world.producer.script = (_, call) => (call > 1 ? null : kafkaError('MSG_SIZE_TOO_LARGE'))
  await mkdir(join(folder, 'jobs', '4-77.json'), { recursive: true })
  const end = world.bury()
  while (world.held.length === 0) await world.clock.run(0)
  expect(world.events).toMatchObject([
    { type: 'dead_letter_failed', error: expect.stringMatching(/EISDIR|ENOTEMPTY/) as string },
  ])
  expect(await readdir(join(folder, 'jobs'))).toEqual(['4-77.json'])
  expect(await world.clock.runUntil(end)).toEqual({ kind: 'dead', to: 'jobs_dlq', offset: 0 })
})

test('where it shall, a letter that is too large holds its partition with advice', async () => {
  const world = new World()
  world.producer.script = () => kafkaError('ERR_MSG_SIZE_TOO_LARGE', 'Broker: Message size too large')
  void world.bury()
  await world.clock.run(60_000)
  expect(world.held[0]?.detail).toMatch(
    /size too large\. Raise max\.message\.bytes of jobs_dlq, or set dlq\.oversize to file\./,
  )
})

test('the start fails where a dead-letter topic is missing, where letters would loop, where the folder is no folder', async () => {
  const missing = new World({ sourceTopics: ['jobs', 'other', 'more'] })
  await expect(missing.deadLetters.connect()).rejects.toMatchObject({
    code: 'TOPIC_MISSING',
    message: 'the dead-letter topics other_dlq, more_dlq do not exist, or ACLs hide them from this user',
    advice: expect.stringContaining('kafka-topics --create --topic other_dlq') as string,
  })
  expect(missing.producer.closed).toBe(1)

  const looping = new World({ sourceTopics: ['jobs', 'jobs_dlq'] })
  await expect(looping.deadLetters.connect()).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  expect(looping.producer.connected).toBe(0)

  await writeFile(join(folder, 'file'), '')
  const blocked = new World({ oversize: { to: 'file', folder: join(folder, 'file', 'x') } })
  await expect(blocked.deadLetters.connect()).rejects.toMatchObject({ code: 'SINK_UNAVAILABLE' })
})

test('it connects, and closes once', async () => {
  const world = new World()
  await world.deadLetters.connect()
  await world.deadLetters.close()
  await world.deadLetters.close()
  expect([world.producer.connected, world.producer.closed]).toEqual([1, 1])
})

test('the topic is the configured one, else the source’s with _dlq', () => {
  expect([deadLetterTopic('jobs'), deadLetterTopic('jobs', ''), deadLetterTopic('jobs', 'dead')]).toEqual([
    'jobs_dlq',
    'jobs_dlq',
    'dead',
  ])
})
