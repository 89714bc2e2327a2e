import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { AdminClient, type IAdminClient } from '@confluentinc/kafka-javascript'
import { expect, test } from 'vitest'
import { startKafka } from './kafka.ts'

test('a test gets a real broker of its own that keeps its data through a restart and a kill', async () => {
  const kafka = await startKafka({ 'num.partitions': 3 })
  const first = kafka.pid
  const folder = await dataFolder(first)
  await createTopic(kafka.brokers, 'kept')

  await kafka.restart()
  expect(kafka.pid).not.toBe(first)
  expect(await topics(kafka.brokers)).toContain('kept')

  process.kill(kafka.pid, 'SIGKILL')
  await kafka.restart()
  expect(await topics(kafka.brokers)).toContain('kept')

  await kafka.stop()
  await kafka.stop()
  expect(await accepts(kafka.brokers)).toBe(false)
  expect(existsSync(folder)).toBe(false)
})

async function dataFolder(pid: number): Promise<string> {
  const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0')
  const properties = words.find((word) => word.endsWith('/server.properties'))
  if (properties === undefined) throw new Error(`process ${pid} is no broker: ${words.join(' ')}`)
  return properties.replace('/server.properties', '')
}

async function withAdmin<T>(brokers: string, use: (admin: IAdminClient) => Promise<T>): Promise<T> {
  const admin = AdminClient.create({ 'bootstrap.servers': brokers })
  try {
    return await use(admin)
  } finally {
    admin.disconnect()
  }
}

function createTopic(brokers: string, topic: string): Promise<void> {
  return withAdmin(brokers, (admin) => {
    const created = Promise.withResolvers<void>()
    admin.createTopic({ topic, num_partitions: 1, replication_factor: 1 }, 10_000, (error) =>
      error ? created.reject(error) : created.resolve(),
    )
    return created.promise
  })
}

function topics(brokers: string): Promise<readonly string[]> {
  return withAdmin(brokers, (admin) => {
    const listed = Promise.withResolvers<readonly string[]>()
    admin.listTopics({ timeout: 10_000 }, (error, names) => (error ? listed.reject(error) : listed.resolve(names)))
    return listed.promise
  })
}

function accepts(brokers: string): Promise<boolean> {
  const [host, port] = brokers.split(':')
  return new Promise((resolve) => {
    const socket = connect(Number(port), host)
    socket.once('error', () => resolve(false))
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}
