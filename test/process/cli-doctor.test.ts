import { chmod } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Job, type JobOptions, Stage } from './cli-kit.ts'

const NOTHING = `export default { arrange: () => [] }`

/** Of a real cluster; the embedded broker wants shorter ones. */
const WISE = { session_timeout_ms: 10_000, heartbeat_interval_ms: 3_000, max_poll_interval_ms: 300_000 }

interface Report {
  readonly code: number | null
  readonly text: string
  readonly seconds: number
}

let stage: Stage
beforeAll(async () => {
  stage = await Stage.open()
}, 60_000)
afterAll(() => stage[Symbol.asyncDispose]())

async function examined(
  job: Job,
  env: Readonly<Record<string, string>> = {},
  handler = 'handler.mts',
): Promise<Report> {
  const begun = performance.now()
  const run = stage.command(['doctor', handler, '-c', job.config], { cwd: job.folder, env })
  const { code } = await run.exit()
  return { code, text: `${run.stdout}\n${run.story}`, seconds: (performance.now() - begun) / 1000 }
}

const jobOf = (options: JobOptions = {}): Promise<Job> => stage.job({ handler: NOTHING, ...options })

describe.concurrent('drakkar doctor', () => {
  test('names all that is there, one line each, and ends with 0', async () => {
    const job = await jobOf({ config: { executor: { max_executors: 1 }, sources: { kafka: WISE } } })
    const { code, text } = await examined(job, {
      DRAKKAR_SINKS__KAFKA__OUT__TOPIC: job.topic.replace('jobs', 'results'),
    })
    expect(code, text).toBe(3)
    await stage.broker.ensureTopic(job.topic.replace('jobs', 'results'))
    const again = await examined(job, { DRAKKAR_SINKS__KAFKA__OUT__TOPIC: job.topic.replace('jobs', 'results') })
    expect(again.code, again.text).toBe(0)
    expect(again.text).not.toMatch(/^(warning|problem)/m)
    // Not a terminal: no colour.
    expect(again.text).not.toContain('\u001B')
    const expected = [
      `Node +v${process.versions.node.replaceAll('.', '\\.')} `,
      'Kafka client +@confluentinc/kafka-javascript \\S+, librdkafka \\S+: .*gzip',
      'launcher +\\w+( \\(.+\\))?, started in \\d+ ms; a program that does nothing takes [\\d.]+ ms',
      `configuration +${job.config}`,
      'program +/bin/cat',
      'CPUs +\\d+',
      'open files +at most',
      `folders +sinks.filesystem.main: ${job.folder}/results`,
      'metrics port +127.0.0.1:0: any free one',
      'sinks +kafka:out, files:main',
      `brokers +kafka.brokers: ${stage.broker.brokers} can be reached`,
      'brokers +kafka.brokers: the cluster answers',
      `source topics +${job.topic}: 4 partitions`,
      `group +4 partitions in all: at most 4 workers of the group ${job.group}`,
      `sink topics +sinks.kafka.out: results-${job.name}, 4 partitions`,
      `dead letters +${job.topic}_dlq: 4 partitions`,
      'handler +handler.mts',
    ]
    for (const one of expected) expect(again.text).toMatch(new RegExp(`^ok +${one}`, 'm'))
  })

  test('without any broker it says so for each, looks at everything else, and ends with 3 within 15 s', async () => {
    const job = await jobOf()
    const env = { DRAKKAR_KAFKA__BROKERS: '127.0.0.1:1,no-such-name.invalid:9092' }
    const { code, text, seconds } = await examined(job, env)
    expect(code, text).toBe(3)
    expect(seconds).toBeLessThan(15)
    expect(text).toMatch(
      /^problem +brokers +kafka\.brokers: 127\.0\.0\.1:1 refuses the connection\n +→ Nothing listens/m,
    )
    expect(text).toMatch(/^problem +brokers +kafka\.brokers: no-such-name\.invalid:9092 has no address/m)
    expect(text).toMatch(/^ok +handler/m)
    expect(text).toMatch(/^ok +program/m)
  })

  test('finds each thing that is missing, with what to do', async () => {
    const job = await jobOf({ handler: 'export default {}', topics: false })
    const file = await job.file('no-program', 'echo no first line')
    await chmod(file, 0o755)
    await using taken = await listening()
    const { code, text } = await examined(job, {
      DRAKKAR_SOURCES__KAFKA__TOPIC: `["nowhere","^not-like-anything"]`,
      DRAKKAR_DLQ__TOPIC: 'no-letters',
      DRAKKAR_SINKS__KAFKA__OUT__TOPIC: 'no-results',
      DRAKKAR_SINKS__FILESYSTEM__MAIN__BASE_PATH: join(job.folder, 'nothing'),
      DRAKKAR_EXECUTOR__BINARY_PATH: file,
      DRAKKAR_METRICS__PORT: String(taken.port),
    })
    expect(code, text).toBe(3)
    for (const one of [
      'source topics +nowhere does not exist',
      'source topics +no topic matches \\^not-like-anything',
      'dead letters +no-letters does not exist',
      'sink topics +sinks.kafka.out: no-results does not exist',
      `folders +sinks.filesystem.main: ${job.folder}/nothing does not exist`,
      `program +${file} is neither a program for \\w+ nor a script`,
      `metrics port +127.0.0.1:${taken.port} is in use by another process`,
      'handler +handler.mts is not a handler',
    ]) {
      expect(text).toMatch(new RegExp(`^problem +${one}.*\\n +→ \\S`, 'm'))
    }
  })

  test.each([
    ['that is not on the PATH', 'no-such-program', 'no-such-program is nowhere on the PATH'],
    ['that does not exist', '/no/such/program', '/no/such/program does not exist'],
    ['that is a folder', '/tmp', '/tmp is not a file'],
    ['that nobody may execute', '/proc/version', '/proc/version is not executable'],
  ])('a program %s is a problem', async (_, program, says) => {
    const { code, text } = await examined(await jobOf(), { DRAKKAR_EXECUTOR__BINARY_PATH: program })
    expect(code, text).toBe(3)
    expect(text).toContain(says)
  })

  test('warns of what works and is not wise, which is no problem', async () => {
    const job = await jobOf({
      config: {
        executor: { binary_path: 'cat', max_executors: 5_000 },
        sources: { kafka: { session_timeout_ms: 10_000, heartbeat_interval_ms: 5_000, max_poll_interval_ms: 16_000 } },
        hook_stall_seconds: 20,
        metrics: { enabled: false },
      },
    })
    const { code, text } = await examined(job)
    expect(code, text).toBe(0)
    for (const one of [
      'CPUs +\\d+.*; executor.max_executors is 5000',
      'settings +sources.kafka.heartbeat_interval_ms is 5000',
      'settings +a blocking hook ends the worker after 20 s',
      'metrics port +metrics and health are switched off',
    ]) {
      expect(text).toMatch(new RegExp(`^warning +${one}`, 'm'))
    }
    expect(text).toMatch(/^ok +program +cat is \/\S*bin\/cat$/m)
  })

  test('a configuration that is not valid is named with all its problems, and the rest is looked at', async () => {
    const { code, text } = await examined(await jobOf({ config: { executor: { max_executors: -1, nonsense: 1 } } }))
    expect(code, text).toBe(3)
    expect(text).toMatch(/^problem +configuration/m)
    expect(text).toContain('max_executors')
    expect(text).toContain('nonsense')
    expect(text).toMatch(/^ok +launcher/m)
  })

  test('a handler that ends the process while it is loaded does not pass for a healthy answer', async () => {
    const { code, text } = await examined(await jobOf({ handler: 'process.exit(0)' }))
    expect(code, text).toBe(3)
    expect(text).toMatch(/^problem +handler +process\.exit\(0\) was called/m)
  })

  test('nor does a module of a sink; it is told whose code it was', async () => {
    const job = await jobOf({ config: { sinks: { custom: { own: { mine: { module: './own.mts' } } } } } })
    await job.file('own.mts', 'process.exit(0)')
    const { code, text } = await examined(job)
    expect(code, text).toBe(3)
    expect(text).toMatch(/^problem +sinks +process\.exit\(0\) was called/m)
  })
})

async function listening(): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer((socket) => socket.destroy())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  return { port, [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())) }
}
