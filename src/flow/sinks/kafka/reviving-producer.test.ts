import { expect, test } from 'vitest'
import { kafkaError, ScriptedProducer } from '../../../../test/contract/scripted-producer.ts'
import { revivingProducer } from './reviving-producer.ts'

const record = { topic: 'results', key: null, value: null, headers: [] }
const fatal = (): Error => Object.assign(kafkaError('ERR__FATAL'), { fatal: true })

function world(): { made: ScriptedProducer[]; producer: ReturnType<typeof revivingProducer>; failConnect: number[] } {
  const made: ScriptedProducer[] = []
  const failConnect: number[] = []
  const producer = revivingProducer(() => {
    const next = new ScriptedProducer({ results: 1 })
    const number = made.push(next)
    if (failConnect.includes(number)) next.connect = () => Promise.reject(new Error('no broker'))
    return next
  })
  return { made, producer, failConnect }
}

test('a fatal error replaces the producer once, however many sends it fails', async () => {
  const { made, producer } = world()
  await producer.connect()
  if (made[0]) made[0].script = () => fatal()
  const outcomes = await Promise.allSettled([producer.send(record), producer.send(record), producer.send(record)])
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
  await Promise.all([producer.send(record), producer.send(record)])
  expect(made.map(({ connected, closed, log }) => [connected, closed, log.length])).toEqual([
    [1, 1, 0],
    [1, 0, 2],
  ])
  await producer.close()
  expect(made.map(({ closed }) => closed)).toEqual([1, 1])
})

test('many at once: one answer for each; a fatal one replaces the producer once', async () => {
  const { made, producer, failConnect } = world()
  failConnect.push(2)
  await producer.connect()
  if (made[0]) made[0].script = (_, call) => (call === 2 ? fatal() : null)
  const [first, second, third] = (await producer.sendAll?.([record, record, record])) ?? []
  expect([first, second?.message, third]).toEqual([null, 'ERR__FATAL', null])
  const unopened = await producer.sendAll?.([record, record])
  expect(unopened?.map((error) => error?.message)).toEqual(['no broker', 'no broker'])
  expect(await producer.sendAll?.([record, record])).toEqual([null, null])
  expect(made.map(({ closed, log }) => [closed, log.length])).toEqual([
    [1, 2],
    [0, 0],
    [0, 2],
  ])
})

test('any other error leaves it alone', async () => {
  const { made, producer } = world()
  await producer.connect()
  if (made[0]) made[0].script = (_, call) => (call === 1 ? kafkaError('ERR__MSG_TIMED_OUT') : null)
  await expect(producer.send(record)).rejects.toThrow('ERR__MSG_TIMED_OUT')
  await producer.send(record)
  expect(made).toHaveLength(1)
})

test('where the new one cannot connect, the next send tries again', async () => {
  const { made, producer, failConnect } = world()
  failConnect.push(2)
  await producer.connect()
  if (made[0]) made[0].script = () => fatal()
  await expect(producer.send(record)).rejects.toThrow('ERR__FATAL')
  await expect(producer.send(record)).rejects.toThrow('no broker')
  await producer.send(record)
  expect(made[2]?.log).toHaveLength(1)
})

test('after closing nothing is opened any more', async () => {
  const { made, producer } = world()
  await producer.connect()
  expect((await producer.describe(['results', 'other'])).get('other')).toBeNull()
  await producer.flush(10)
  await producer.close()
  await producer.close()
  await expect(producer.send(record)).rejects.toThrow('closed')
  expect(made.map(({ closed }) => closed)).toEqual([1])
})
