import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadClient } from '../../src/flow/source/kafka/confluent/load.ts'
import { anyKafka } from './kafka.ts'

const DEMO = join(import.meta.dirname, '..', '..', 'examples', 'search', 'demo.ts')

let kafka: Awaited<ReturnType<typeof anyKafka>>

beforeAll(async () => {
  kafka = await anyKafka()
}, 120_000)

afterAll(() => kafka.stop())

async function topicsOf(brokers: string): Promise<readonly string[]> {
  const { Producer } = loadClient()
  const client = new Producer({ 'bootstrap.servers': brokers })
  const of = { timeout: 10_000, allTopics: true }
  await new Promise<void>((resolve, reject) => {
    client.connect(of, (error) => (error ? reject(new Error(error.message)) : resolve()))
  })
  try {
    return await new Promise((resolve, reject) => {
      client.getMetadata(of, (error, metadata) => {
        if (error) reject(new Error(error.message))
        else resolve(metadata.topics.map(({ name }) => name))
      })
    })
  } finally {
    client.disconnect(1, () => undefined)
  }
}

test('the demo is right on a real Kafka too, and takes its topics with it', async () => {
  const args = ['--conditions=drakkar-src', DEMO, '--brokers', kafka.brokers, '--requests', '1000']
  const { code, output } = await new Promise<{ code: unknown; output: string }>((resolve) => {
    execFile(process.execPath, args, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, output: stdout + stderr }),
    )
  })
  expect(code, output).toBe(0)
  expect(output).toMatch(/requests with one end +1,007 +1,007 +0 +0 +0 ✓/)
  expect(output).toContain(kafka.brokers)
  expect((await topicsOf(kafka.brokers)).filter((topic) => topic.startsWith('drakkar-demo-'))).toEqual([])
})
