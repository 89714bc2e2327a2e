import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Cluster } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { until } from './chaos/until.ts'
import { type RedisGroup, startRedisCluster, startRedisSentinels } from './redis.ts'
import { openRedisSink, redisReader } from './redis-sink-kit.ts'
import { runScript } from './server-process.ts'
import { deliverAll, deliverOnce, recordFor, signal } from './sink-kit.ts'

function clusterReader({ nodes }: RedisGroup): Cluster {
  const hosts = nodes.map(({ port }) => ({ host: '127.0.0.1', port }))
  const look = new Cluster(hosts, { redisOptions: { protocol: 2 } })
  look.on('error', () => undefined)
  onTestFinished(() => look.disconnect())
  return look
}

const LONG = process.env['DRAKKAR_NIGHTLY'] === '1'

test('a cluster: records go to their slots, each once, while a node is restarted', { timeout: 120_000 }, async () => {
  await using cluster = await startRedisCluster()
  const { sink } = await openRedisSink({
    url: cluster.url,
    keyPrefix: 'p:',
    scripts: { put: "redis.call('APPEND', KEYS[1], ARGV[1])" },
  })
  const count = LONG ? 20_000 : 3000
  const records = Array.from({ length: count }, (_, index) =>
    recordFor(sink, { op: 'incrby', key: `k${index % 1000}` }),
  )
  const mixed = [
    recordFor(sink, { op: 'script', script: 'put', keys: ['{a}1', '{a}2'], args: ['x'] }),
    recordFor(sink, { op: 'publish', channel: 'c', data: 'x' }),
  ]
  const across = recordFor(sink, { op: 'script', script: 'put', keys: ['a', 'b'], args: ['x'] })
  await deliverAll(sink, mixed)
  await deliverAll(sink, mixed)
  expect(await sink.deliver([across], signal)).toMatchObject([{ ok: false, kind: 'permanent' }])
  const running = deliverAll(sink, records, 60_000)
  cluster.nodes[1]?.kill()
  await cluster.nodes[1]?.restart()
  await running
  await deliverAll(sink, records)
  const look = clusterReader(cluster)
  const counts = await Promise.all(Array.from({ length: 1000 }, (_, index) => look.get(`p:k${index}`)))
  expect(new Set(counts)).toEqual(new Set([String(count / 1000)]))
  expect(await look.get('p:{a}1')).toBe('x')
})

test('a cluster whose password is changed while it runs: the one in password_file is taken', {
  timeout: 120_000,
}, async () => {
  await using cluster = await startRedisCluster()
  const nodes = await Promise.all(cluster.nodes.map(({ port }) => redisReader(`redis://127.0.0.1:${port}`)))
  const change = async (password: string): Promise<void> => {
    for (const node of nodes) {
      await node.config('SET', 'requirepass', password)
      await node.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    }
  }
  await change('first-word')
  const [node] = cluster.nodes
  const file = join(node?.dir ?? '', 'password')
  writeFileSync(file, 'first-word')
  const { sink } = await openRedisSink({ url: cluster.url, passwordFile: file, keyPrefix: '' })
  const sets = ['a', 'b', 'c', 'd', 'e', 'f'].map((key) => ({ op: 'set', key, data: 'x' }))
  expect(new Set(await deliverOnce(sink, ...sets))).toEqual(new Set(['ok']))
  await change('second-word')
  const answers = await deliverOnce(sink, ...sets)
  expect(answers.filter((answer) => !/^(ok|transient)/.test(answer))).toEqual([])
  expect(answers).not.toEqual(sets.map(() => 'ok'))
  writeFileSync(file, 'second-word')
  await until('the new one is taken', 20_000, async () =>
    (await deliverOnce(sink, ...sets)).every((answer) => answer === 'ok'),
  )
})

test('a cluster whose slots move under load: each record once', { timeout: 120_000 }, async () => {
  await using cluster = await startRedisCluster()
  const { sink } = await openRedisSink({ url: cluster.url, keyPrefix: 'p:' })
  const count = LONG ? 50_000 : 6000
  const records = Array.from({ length: count }, (_, n) => recordFor(sink, { op: 'incrby', key: `k${n % 1000}` }))
  const [from, to] = cluster.nodes.map(({ port }) => String(port))
  let moved = false
  const moving = runScript('redis.sh', 'reshard', from ?? '', to ?? '', '1500').then(() => {
    moved = true
  })
  let rounds = 0
  do {
    // Every record goes out again in each round; only the first time counts.
    await deliverAll(sink, records, 60_000)
    rounds += 1
  } while (!moved && rounds < 100)
  await moving
  await deliverAll(sink, records)
  const look = clusterReader(cluster)
  const counts = await Promise.all(Array.from({ length: 1000 }, (_, n) => look.get(`p:k${n}`)))
  expect(new Set(counts)).toEqual(new Set([String(count / 1000)]))
})

test('sentinels: the master dies, another takes over, and what a replica had to confirm is there once', {
  timeout: 120_000,
}, async () => {
  await using group = await startRedisSentinels()
  const { sink } = await openRedisSink({ url: group.url, keyPrefix: '', waitReplicas: 1, waitTimeoutMs: 2000 })
  const [master, ...others] = group.nodes
  const records = Array.from({ length: 3000 }, (_, index) =>
    recordFor(sink, { op: 'push', key: 'all', members: [String(index)] }),
  )
  const running = deliverAll(sink, records, 60_000)
  const look = await redisReader(`redis://127.0.0.1:${master?.port}`)
  await until('some are there', 20_000, async () => (await look.llen('all')) > 500)
  look.disconnect()
  master?.kill()
  await running
  const replicas = await Promise.all(others.slice(0, 2).map(({ port }) => redisReader(`redis://127.0.0.1:${port}`)))
  let roles: unknown[] = []
  // On a fast machine everything was written before the master died.
  await until('another is the master', 20_000, async () => {
    roles = await Promise.all(replicas.map(async (client) => ((await client.call('ROLE')) as unknown[])[0]))
    return roles.includes('master')
  })
  expect(roles.filter((role) => role === 'master')).toHaveLength(1)
  const all = await replicas[roles.indexOf('master')]?.lrange('all', 0, -1)
  expect(all).toHaveLength(3000)
  expect(new Set(all).size).toBe(3000)
})
