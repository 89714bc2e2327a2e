// A cluster as it is in production: TLS, a password or a certificate for each client, and ACLs for all that it may do.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { clientCertificate } from './certificates.ts'
import { EACH_ONCE, eachOnce } from './chaos/each-once.ts'
import { idsOf, jobIds, jobs } from './chaos/jobs.ts'
import { readLog } from './chaos/log-reader.ts'
import { Stage } from './chaos/stage.ts'
import type { WorkerProcess } from './chaos/worker.ts'
import { type Grant, SecureKafka } from './secure-kafka.ts'

const WORKER = 'User:worker'

let kafka: SecureKafka
beforeAll(async () => {
  // Connections live on with an old password unless they must show it again.
  kafka = await SecureKafka.start({ 'connections.max.reauth.ms': 3000 })
  await kafka.setPassword('worker', 'right-word')
}, 120_000)
afterAll(() => kafka?.[Symbol.asyncDispose]())

const scram = (password = 'right-word', ca = kafka.certificate.cert): object => ({
  brokers: kafka.scram,
  security: {
    protocol: 'SASL_SSL',
    sasl_mechanism: 'SCRAM-SHA-512',
    sasl_username: 'worker',
    sasl_password: password,
    ...(ca === '' ? {} : { ssl_ca_location: ca }),
  },
})

/** All that a worker needs; docs/operate/configuring.md has the same list. */
const needs = {
  source: ({ topics }: Stage): Grant => ['--topic', topics.in, '--operation', 'Read'],
  group: ({ name }: Stage): Grant => ['--group', name, '--operation', 'Read'],
  results: ({ topics }: Stage): Grant => ['--topic', topics.out, '--operation', 'Write'],
  letters: ({ topics }: Stage): Grant => ['--topic', topics.dlq, '--operation', 'Write'],
}

async function allowed(stage: Stage, who = WORKER): Promise<void> {
  await kafka.allow(
    who,
    Object.values(needs).map((grant) => grant(stage)),
  )
}

async function failure(worker: WorkerProcess): Promise<string> {
  const { status } = await worker.ended
  const { code, error, advice } = (worker.says('start_failed') ?? worker.says('worker_failed') ?? {}) as Record<
    string,
    string
  >
  return `${status} ${code}: ${error} → ${advice}`
}

function notReady(stage: Stage, worker: WorkerProcess, why: RegExp): Promise<unknown> {
  return stage.until(`it is not ready: ${why}`, 60_000, async () =>
    (await worker.notReady())?.some((reason) => why.test(reason)),
  )
}

function ready(stage: Stage, worker: WorkerProcess): Promise<unknown> {
  return stage.until('it is ready', 60_000, async () => (await worker.notReady())?.length === 0)
}

test('a start that is refused says by whom, and what to do', { timeout: 120_000 }, async () => {
  await using stage = await Stage.open(kafka.broker.brokers, 'refused')
  const start = async (config: object): Promise<string> => failure(await stage.start({ config: { kafka: config } }))
  const [password, authority, plain, stranger] = await Promise.all([
    start(scram('wrong-word')),
    start(scram('right-word', '')),
    start({ brokers: kafka.scram }),
    start({ brokers: kafka.mutual, security: { protocol: 'SSL', ssl_ca_location: kafka.certificate.cert } }),
  ])
  expect(password).toMatch(/^3 BROKER_UNREACHABLE: .*refused the credentials: .*invalid credentials.* → Check user/)
  expect(password).not.toContain('wrong-word')
  expect(authority).toMatch(/^3 BROKER_UNREACHABLE: .*certificate verify failed.* → .*ssl_ca_location/)
  expect(plain).toMatch(/^3 BROKER_UNREACHABLE: .*Disconnected.* → .*TLS or SASL/)
  expect(stranger).toMatch(/^3 BROKER_UNREACHABLE: .*certificate.* → .*ssl_certificate_location/)
})

test('a worker does its work with these permissions; without one of them it says which', {
  timeout: 240_000,
}, async () => {
  await using stage = await Stage.open(kafka.broker.brokers, 'granted')
  const secure = { config: { kafka: scram() } }
  await stage.produce(jobs(200, { ms: 1 }))
  expect(await failure(await stage.start(secure))).toMatch(
    /^3 TOPIC_MISSING: sinks\.kafka\.out\.topic: .*or ACLs hide it/,
  )
  await kafka.allow(WORKER, [needs.results(stage), needs.letters(stage)])
  expect(await failure(await stage.start(secure))).toMatch(/^3 TOPIC_MISSING: the source topic .*or ACLs hide it/)
  await kafka.allow(WORKER, [['--topic', stage.topics.in, '--operation', 'Describe']])
  expect(await failure(await stage.start(secure))).toMatch(/^3 NOT_AUTHORIZED: .* → .*--group granted-.* Read/)
  await kafka.allow(WORKER, [needs.group(stage)])
  expect(await failure(await stage.start(secure))).toMatch(/^3 NOT_AUTHORIZED: .* → .*--topic granted-.*-in .* Read/)
  await kafka.allow(WORKER, [needs.source(stage)])
  const worker = await stage.ready(secure)
  await stage.allCommitted()
  expect(idsOf(await stage.records('out'))).toEqual(jobIds(200).toSorted())
  worker.signal('SIGTERM')
  expect(await worker.ended).toMatchObject({ status: 0 })
})

test('permissions and passwords that are taken away while it runs lose nothing: it waits, says why, and goes on', {
  timeout: 240_000,
}, async () => {
  await using stage = await Stage.open(kafka.broker.brokers, 'revoked')
  await allowed(stage)
  const worker = await stage.ready({ config: { kafka: scram() } })
  let count = 0
  const more = async (): Promise<void> => {
    await stage.produce(jobs(100, { ms: 1 }, count))
    count += 100
  }
  await more()
  await stage.allCommitted()

  await kafka.forbid(WORKER, needs.results(stage))
  await kafka.allow(WORKER, [['--topic', stage.topics.out, '--operation', 'Describe']])
  await more()
  await notReady(stage, worker, /held: sink kafka:out.*Topic authorization failed/)
  await kafka.allow(WORKER, [needs.results(stage)])
  await ready(stage, worker)
  await stage.allCommitted()

  await kafka.forbid(WORKER, needs.source(stage))
  await more()
  await notReady(stage, worker, /source: .*Topic authorization failed.*kafka-acls/)
  await kafka.allow(WORKER, [needs.source(stage)])
  await ready(stage, worker)
  await stage.allCommitted()

  await kafka.setPassword('worker', 'another-word')
  await more()
  await notReady(stage, worker, /source: .*Authentication failure.*password/)
  await kafka.setPassword('worker', 'right-word')
  await ready(stage, worker)
  await stage.allCommitted()

  expect(worker.alive).toBe(true)
  // A worker that may not read its topic loses its partitions, so some runs come again.
  expect(new Set(idsOf(await stage.records('out')))).toEqual(new Set(jobIds(count)))
  expect(await stage.records('dlq')).toEqual([])
})

for (const [kind, transactional] of [
  ['one by one', false],
  ['in transactions', true],
] as const)
  test(`a new password is taken from its file without a restart, by all clients: results ${kind}`, {
    timeout: 240_000,
  }, async () => {
    const user = `turning-${transactional}`
    await kafka.setPassword(user, 'first-word')
    await using stage = await Stage.open(kafka.broker.brokers, 'rotated', { handler: 'transactional.ts' })
    await allowed(stage, `User:${user}`)
    await kafka.allow(`User:${user}`, [
      ['--transactional-id', 'drakkar-', '--resource-pattern-type', 'prefixed', '--operation', 'Write'],
    ])
    const file = join(stage.folder, 'password')
    writeFileSync(file, 'first-word\n')
    const worker = await stage.ready({
      config: {
        kafka: {
          brokers: kafka.scram,
          security: {
            protocol: 'SASL_SSL',
            sasl_mechanism: 'SCRAM-SHA-512',
            sasl_username: user,
            sasl_password_file: file,
            ssl_ca_location: kafka.certificate.cert,
          },
        },
        sinks: { kafka: { out: { topic: stage.topics.out, transactional } } },
      },
    })
    await stage.produce(jobs(100, { ms: 1 }))
    await stage.allCommitted()
    await kafka.setPassword(user, 'second-word')
    await stage.produce(jobs(100, { ms: 1 }, 100))
    await notReady(stage, worker, /source: .*Authentication failure.*sasl_password_file/)
    writeFileSync(file, 'second-word\n')
    await ready(stage, worker)
    await stage.allCommitted()
    await stage.produce(jobs(100, { ms: 1 }, 200))
    await stage.allCommitted()
    const { values } = await readLog(stage.brokers, stage.topics.out, stage.partitions, 'read_committed')
    const texts = values.map((value) => JSON.parse(String(value)) as { ids: string[] })
    expect(worker.alive).toBe(true)
    expect(new Set(texts.flatMap(({ ids }) => ids))).toEqual(new Set(jobIds(300)))
    expect(await stage.records('dlq')).toEqual([])
  })

test('transactions need their id, and a certificate is as good as a password', { timeout: 240_000 }, async () => {
  await using stage = await Stage.open(kafka.broker.brokers, 'exact', { handler: 'transactional.ts' })
  const client = await clientCertificate(kafka.certificate, 'scorer')
  const config = {
    kafka: {
      brokers: kafka.mutual,
      security: {
        protocol: 'SSL',
        ssl_ca_location: kafka.certificate.cert,
        ssl_certificate_location: client.cert,
        ssl_key_location: client.key,
      },
    },
    sinks: { kafka: { out: { topic: stage.topics.out, transactional: true } } },
  }
  await allowed(stage, 'User:CN=scorer')
  await stage.produce(jobs(200, { ms: 1 }))
  const said = await failure(await stage.start({ config, workerId: 'w' }))
  expect(said).toMatch(/^3 SINK_UNAVAILABLE: .*Transactional Id authorization failed.* → .*drakkar-exact-.*-w/)
  const [id = ''] = /drakkar-exact-[\w-]+/.exec(said) ?? []
  await kafka.allow('User:CN=scorer', [['--transactional-id', id, '--operation', 'Write']])
  const worker = await stage.ready({ config, workerId: 'w' })
  await stage.allCommitted()
  await kafka.forbid('User:CN=scorer', needs.group(stage))
  await stage.produce(jobs(200, { ms: 1 }, 200))
  await notReady(stage, worker, /source: .*Group authorization failed.*kafka-acls/)
  await kafka.allow('User:CN=scorer', [needs.group(stage)])
  await ready(stage, worker)
  await stage.allCommitted()
  const { values } = await readLog(stage.brokers, stage.topics.out, stage.partitions, 'read_committed')
  const ids = values.flatMap((value) => (JSON.parse(String(value)) as { ids: string[] }).ids)
  expect(eachOnce(ids, jobIds(400))).toEqual(EACH_ONCE)
})
