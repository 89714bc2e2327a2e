import { freePort } from '../support/free-port.ts'
import { runScript, type ServerProcess, startServer } from './server-process.ts'

/** A real Redis server of our own, on a free port. `options` are its own: `--requirepass`, `x`. */
export async function startRedis(...options: readonly string[]): Promise<ServerProcess> {
  return startServer('redis.sh', 'start', await freePort(), options)
}

/** The server named in `DRAKKAR_REDIS` (a redis:// URL), which stays as it is, else one of our own. */
export async function anyRedis(): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const url = process.env['DRAKKAR_REDIS']
  if (url !== undefined && url !== '') return { url, stop: async () => undefined }
  const server = await startRedis()
  return { url: `redis://127.0.0.1:${server.port}`, stop: () => server.stop() }
}

/** Several servers that belong together. */
export interface RedisGroup extends AsyncDisposable {
  readonly url: string
  readonly nodes: readonly ServerProcess[]
  stop(): Promise<void>
}

/** Three masters, each with a third of the slots. */
export async function startRedisCluster(): Promise<RedisGroup> {
  const ports = await groupPorts(3)
  const options = [
    '--cluster-enabled',
    'yes',
    '--cluster-config-file',
    'nodes.conf',
    '--cluster-node-timeout',
    '3000',
    '--appendonly',
    'yes',
  ]
  const nodes = await Promise.all(ports.map((port) => startServer('redis.sh', 'start', port, options)))
  await runScript('redis.sh', 'cluster', ...ports.map(String))
  return group(`redis-cluster://${ports.map((port) => `127.0.0.1:${port}`).join(',')}`, nodes)
}

/** A master (the first node), two replicas and three sentinels that call it `mymaster`. */
export async function startRedisSentinels(): Promise<RedisGroup> {
  const [master = 0, ...rest] = await groupPorts(6)
  const nodes = [await startServer('redis.sh', 'start', master)]
  for (const port of rest.slice(0, 2)) {
    nodes.push(await startServer('redis.sh', 'start', port, ['--replicaof', '127.0.0.1', String(master)]))
  }
  const ports = rest.slice(2)
  for (const port of ports) nodes.push(await startServer('redis.sh', 'sentinel', port, [String(master)]))
  return group(`redis-sentinel://${ports.map((port) => `127.0.0.1:${port}`).join(',')}/mymaster`, nodes)
}

function group(url: string, nodes: readonly ServerProcess[]): RedisGroup {
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()))
  }
  return { url, nodes, stop, [Symbol.asyncDispose]: stop }
}

/** Nodes of a cluster also listen on port + 10000. */
function groupPorts(count: number): Promise<number[]> {
  return Promise.all(Array.from({ length: count }, () => freePort(10_000)))
}
