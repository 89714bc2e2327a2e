import { expect, test } from 'vitest'
import { kafkaError, ScriptedProducer } from '../../../../test/contract/scripted-producer.ts'
import { sinkContract } from '../../../testing/index.ts'
import { kafkaRecord } from './kafka-record.ts'
import { createKafkaSink } from './kafka-sink.ts'

const assignment = { topic: 'jobs', partition: 0, epoch: 1, owner: 1 }
const { signal } = new AbortController()
const cycle: Record<string, unknown> = {}
cycle['self'] = cycle

sinkContract(test, 'kafka sink (scripted producer)', async () => {
  const producer = new ScriptedProducer({ results: 3 })
  return {
    sink: createKafkaSink({ name: 'output', topic: 'results', producer }),
    payload: (text) => ({ key: Buffer.from('key'), data: { text } }),
    spoil: (payload) => {
      ;(payload['data'] as { text: string }).text = 'spoilt'
      ;(payload['key'] as Buffer).fill(0)
    },
    bad: [undefined, 'text', {}, { data: 10n }, { data: cycle }, { key: 5, data: 'x' }, { data: () => 1 }],
    written: async () => producer.log.map((record) => (JSON.parse(String(record.value)) as { text: string }).text),
    cleanUp: async () => undefined,
  }
})

test('data, key and headers become bytes', () => {
  const binary = Uint8Array.of(0, 255, 10)
  const value = (data: unknown): string | null => kafkaRecord({ data }).value?.toString('latin1') ?? null
  expect(value({ a: 1, b: undefined })).toBe('{"a":1}')
  expect(value('plain ø')).toBe(Buffer.from('plain ø').toString('latin1'))
  expect(value('')).toBe('')
  expect(value(null)).toBeNull()
  expect(value(binary)).toBe('\x00\xff\n')
  expect([value([1]), value(5), value(false)]).toEqual(['[1]', '5', 'false'])
  expect(kafkaRecord({ data: '', key: '' }).key).toEqual(Buffer.alloc(0))
  expect(kafkaRecord({ data: '', key: 'kø' }).key).toEqual(Buffer.from('kø'))
  expect(kafkaRecord({ data: '' }).key).toBeNull()
  expect(kafkaRecord({ data: '', headers: { a: '1', b: binary } }).headers).toEqual([
    ['a', Buffer.from('1')],
    ['b', Buffer.from(binary)],
  ])
  const repeated = [
    ['a', Buffer.from('1')],
    ['a', null],
    ['b', Buffer.alloc(0)],
  ]
  expect(kafkaRecord({ data: '', headers: repeated }).headers).toEqual(repeated)
  expect(kafkaRecord({ data: '', partition: 0, timestamp: 7 })).toMatchObject({ partition: 0, timestamp: 7 })
})

test.each([
  [{ value: 'x' }, '`data` is missing; null makes a tombstone'],
  [{ data: { n: 10n } }, '`data` cannot become JSON: Do not know how to serialize a BigInt'],
  [{ data: cycle }, '`data` cannot become JSON: Converting circular structure to JSON'],
  [{ data: Number.NaN }, '`data` cannot become JSON: it is NaN'],
  [{ data: Symbol('x') }, '`data` cannot become JSON: it is of type symbol'],
  [{ data: '', key: 7 }, '`key` must be a string, bytes or null, not 7'],
  [{ data: '', headers: { a: 1 } }, 'header `a` must be a string or bytes, not 1'],
  [{ data: '', headers: ['a'] }, '`headers`: each must be a pair [name, value]'],
  [{ data: '', partition: -1 }, '`partition` must be a whole number from 0, not -1'],
  [{ data: '', timestamp: 1.5 }, '`timestamp` must be a whole number from 0, not 1.5'],
])('a wrong output is named: %o', (output, message) => {
  expect(() => kafkaRecord(output)).toThrow(message)
})

test('a record goes to the topic with its id as a header, after its own headers', async () => {
  const producer = new ScriptedProducer({ results: 3 })
  const sink = createKafkaSink({ name: 'output', topic: 'results', producer })
  const payload = sink.accept({ key: 'k', data: 'v', headers: { trace: 't' }, partition: 2, timestamp: 9 })
  await sink.deliver([{ id: 'jobs:0:7:0/kafka:output/0', payload, assignment }], signal)
  expect(producer.log).toEqual([
    {
      topic: 'results',
      key: Buffer.from('k'),
      value: Buffer.from('v'),
      partition: 2,
      timestamp: 9,
      headers: [
        ['trace', Buffer.from('t')],
        ['drakkar-id', Buffer.from('jobs:0:7:0/kafka:output/0')],
      ],
    },
  ])
  const plain = createKafkaSink({ name: 'output', topic: 'results', producer, idHeader: false })
  await plain.deliver([{ id: 'x', payload, assignment }], signal)
  expect(producer.log[1]?.headers).toEqual([['trace', Buffer.from('t')]])
})

test('each error of the producer is a verdict on its own record', async () => {
  const producer = new ScriptedProducer({ results: 3 })
  const sink = createKafkaSink({ name: 'output', topic: 'results', producer })
  producer.script = ({ value }) => (String(value) === 'ok' ? null : kafkaError(String(value), 'broker says no'))
  const kinds = async (code: string, more: Record<string, unknown> = {}): Promise<string[]> => {
    const batch = ['ok', code, 'ok'].map((data) => ({ id: data, payload: sink.accept({ data, ...more }), assignment }))
    const verdicts = await sink.deliver(batch, signal)
    return verdicts.map((verdict) => (verdict.ok ? 'ok' : `${verdict.kind} ${verdict.error.message}`))
  }
  const said = 'topic results: broker says no'
  for (const code of ['ERR_MSG_SIZE_TOO_LARGE', 'MSG_SIZE_TOO_LARGE', 'ERR_INVALID_RECORD']) {
    expect(await kinds(code)).toEqual(['ok', `permanent ${said}`, 'ok'])
  }
  // A missing permission is of the topic: no record may die of it.
  for (const code of [
    'ERR__MSG_TIMED_OUT',
    'ERR_UNKNOWN_TOPIC_OR_PART',
    'ERR__UNKNOWN_PARTITION',
    'ERR_TOPIC_AUTHORIZATION_FAILED',
    'anything',
    '',
  ]) {
    expect(await kinds(code)).toEqual(['ok', `transient ${said}`, 'ok'])
  }
  expect(await kinds('ERR__UNKNOWN_PARTITION', { partition: 99 })).toEqual(['ok', `permanent ${said}`, 'ok'])
})

test('a topic that does not exist is found at the start, and the producer is closed again', async () => {
  const producer = new ScriptedProducer({ results: null })
  const sink = createKafkaSink({ name: 'output', topic: 'results', producer })
  await expect(sink.connect()).rejects.toMatchObject({
    code: 'TOPIC_MISSING',
    message: 'sinks.kafka.output.topic: the topic results does not exist, or ACLs hide it from this user',
    advice: expect.stringContaining('kafka-topics --create --topic results') as string,
  })
  expect(producer.closed).toBe(1)
})
