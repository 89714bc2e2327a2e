import { Redis } from 'ioredis'
import { onTestFinished } from 'vitest'
import {
  createRedisSink,
  type RedisSinkOptions,
  type RedisTls,
  redisLink,
  type Sink,
} from '../../src/flow/sinks/index.ts'

export type RedisOptions = Partial<RedisSinkOptions> & {
  readonly url: string
  readonly password?: string
  readonly passwordFile?: string
  readonly tls?: RedisTls
  readonly commandTimeoutMs?: number
}

let prefixes = 0

/** A prefix that nobody else has. */
export function ownPrefix(): string {
  prefixes += 1
  return `t${process.pid}-${prefixes}:`
}

/** Not connected yet. */
export function redisSink({
  url,
  password,
  passwordFile,
  commandTimeoutMs = 3000,
  tls = {},
  ...options
}: RedisOptions): Sink {
  const link = redisLink({
    name: 'main',
    url,
    connectTimeoutMs: 5000,
    commandTimeoutMs,
    tls,
    ...(password === undefined ? {} : { password }),
    ...(passwordFile === undefined ? {} : { passwordFile }),
  })
  return createRedisSink({ name: 'main', link, scope: 'group', ...options })
}

/** A sink that is connected, with keys of its own unless told otherwise; closed with the test. */
export async function openRedisSink(options: RedisOptions): Promise<{ readonly sink: Sink; readonly prefix: string }> {
  const prefix = options.keyPrefix ?? ownPrefix()
  const sink = redisSink({ ...options, keyPrefix: prefix })
  onTestFinished(() => sink.close())
  await sink.connect()
  return { sink, prefix }
}

/** Another client, to look at what is there; ended with the test. */
export async function redisReader(url: string): Promise<Redis> {
  const client = new Redis(url, { protocol: 2, lazyConnect: true })
  client.on('error', () => undefined)
  onTestFinished(() => client.disconnect())
  await client.connect()
  return client
}
