import { readFile } from 'node:fs/promises'
import type { Cluster, ClusterOptions, Redis, RedisOptions } from 'ioredis'
import { parseRedisUrl, type RedisTarget, readSecret } from '../../../lib/index.ts'
import { DrakkarError, reasonOf } from '../../../model/index.ts'
import type { LuaScript } from './guarded-scripts.ts'
import type { RedisLink, ReplicaWait, RunAnswers } from './redis-link.ts'
import type { ScriptCall } from './script-calls.ts'
import { isDriversExcuse, notConnected, saysUnauthenticated, unavailable } from './unavailable.ts'

/** Replies as they come over the wire. */
type ServerOptions = RedisOptions & { readonly replyMapping: 'legacy' }

export interface RedisTls {
  readonly caFile?: string
  readonly certFile?: string
  readonly keyFile?: string
  readonly serverName?: string
  /** Default true. */
  readonly verify?: boolean
}

export interface RedisLinkOptions {
  /** Of the sink, for errors. */
  readonly name: string
  /** `redis[s]://…`, `redis[s]-cluster://…` or `redis[s]-sentinel://…`. */
  readonly url: string
  /** Over those of the URL. */
  readonly username?: string
  readonly password?: string
  /** Over the others; read for each client, and when the server does not take its password any more. */
  readonly passwordFile?: string
  readonly sentinelUsername?: string
  readonly sentinelPassword?: string
  readonly tls?: RedisTls
  readonly connectTimeoutMs: number
  readonly commandTimeoutMs: number
}

/** A link through ioredis, which is loaded when it connects. Throws where the URL cannot be read. */
export function redisLink(options: RedisLinkOptions): RedisLink {
  return new IoredisLink(options)
}

class IoredisLink implements RedisLink {
  readonly cluster: boolean
  readonly #options: RedisLinkOptions
  readonly #target: RedisTarget
  #client: Redis | Cluster | null = null
  #wanted = false
  #reviving: Promise<Redis | Cluster> | null = null
  /** The one that the servers took last. */
  #password: string | undefined
  /** What the driver said last; its rejections are less telling. */
  #lastError: Error | null = null

  constructor(options: RedisLinkOptions) {
    this.#options = options
    this.#target = parseRedisUrl(options.url)
    this.cluster = this.#target.mode === 'cluster'
  }

  async connect(): Promise<void> {
    this.#wanted = true
    this.#client = await this.#connected()
  }

  async run(calls: readonly ScriptCall[], wait: ReplicaWait | null): Promise<RunAnswers> {
    const client = await this.#live()
    const first = await sent(client, calls, wait, false)
    if ([...first.answers, first.replicas].some(isDriversExcuse)) return this.#explained(first)
    if (first.answers.some(saysUnauthenticated)) this.#renew(client)
    const unknown = calls.flatMap((call, index) => (isUnknownScript(first.answers[index]) ? [{ call, index }] : []))
    if (unknown.length === 0) return first
    // After a restart or SCRIPT FLUSH: EVAL brings the text along, and the server keeps it.
    const again = await sent(
      client,
      unknown.map(({ call }) => call),
      wait,
      true,
    )
    const answers = [...first.answers]
    for (const [place, { index }] of unknown.entries()) answers[index] = again.answers[place]
    // Whatever failed of the two questions is the answer; a number of the second covers both.
    return { answers, replicas: first.replicas instanceof Error ? first.replicas : again.replicas }
  }

  #explained({ answers, replicas }: RunAnswers): RunAnswers {
    const reason = notConnected(this.#target, this.#lastError)
    const explain = (answer: unknown): unknown => (isDriversExcuse(answer) ? reason : answer)
    return { answers: answers.map(explain), replicas: explain(replicas) }
  }

  async close(): Promise<void> {
    this.#wanted = false
    const client = this.#client
    this.#client = null
    client?.disconnect()
    await this.#reviving?.catch(() => undefined)
  }

  /**
   * A client that has come to its end never connects again, whatever its strategies say: seen where the master changes while
   * the client asks the sentinels. Another one takes its place.
   */
  async #live(): Promise<Redis | Cluster> {
    const client = this.#client
    if (client === null) throw new Error('the connection is closed')
    if (client.status !== 'end') return client
    this.#reviving ??= this.#revive().finally(() => {
      this.#reviving = null
    })
    return this.#reviving
  }

  /** The servers do not take our password any more: where the file holds another one by now, a new client shows that. */
  #renew(client: Redis | Cluster): void {
    if (this.#options.passwordFile === undefined || this.#client !== client || this.#reviving !== null) return
    this.#reviving = this.#passwordNow()
      .then(async (password) => {
        if (password === this.#password) return client
        const renewed = await this.#revive()
        client.disconnect()
        return renewed
      })
      .finally(() => {
        this.#reviving = null
      })
    // Who needs it meets the same error again, and asks again.
    this.#reviving.catch(() => undefined)
  }

  async #passwordNow(): Promise<string | undefined> {
    const { name, password, passwordFile } = this.#options
    if (passwordFile === undefined) return password ?? this.#target.password
    try {
      return await readSecret(passwordFile)
    } catch (error) {
      throw new DrakkarError(
        'SINK_UNAVAILABLE',
        `sinks.redis.${name}.password_file cannot be read: ${reasonOf(error)}`,
        {
          cause: error,
          advice: 'Correct the path, and let the user of the worker read it.',
        },
      )
    }
  }

  async #revive(): Promise<Redis | Cluster> {
    const client = await this.#connected()
    if (!this.#wanted) {
      client.disconnect()
      throw new Error('the connection is closed')
    }
    this.#client = client
    return client
  }

  async #connected(): Promise<Redis | Cluster> {
    const password = await this.#passwordNow()
    const client = await this.#open(password)
    client.on('ready', () => {
      this.#lastError = null
    })
    client.on('error', (error: Error) => {
      this.#lastError = error
      if (saysUnauthenticated(error)) this.#renew(client)
    })
    try {
      await within(this.#options.connectTimeoutMs, client.connect())
      await within(this.#options.connectTimeoutMs, client.call('PING'))
      this.#password = password
      return client
    } catch (error) {
      client.disconnect()
      throw unavailable(this.#options.name, this.#target, this.#lastError ?? error)
    }
  }

  async #open(password: string | undefined): Promise<Redis | Cluster> {
    const target = this.#target
    const { connectTimeoutMs } = this.#options
    const ioredis = await import('ioredis')
    const server = await this.#serverOptions(password)
    if (target.mode === 'cluster')
      return new ioredis.Cluster([...target.hosts], clusterOptions(server, connectTimeoutMs))
    const [first] = target.hosts
    if (target.mode === 'single') return new ioredis.Redis({ ...server, ...first })
    const { sentinelUsername, sentinelPassword } = this.#options
    return new ioredis.Redis({
      ...server,
      sentinels: [...target.hosts],
      name: target.master ?? '',
      failoverDetector: true,
      enableTLSForSentinelMode: target.tls,
      sentinelRetryStrategy: (attempt) => waitMs(attempt),
      ...(target.tls && server.tls !== undefined ? { sentinelTLS: server.tls } : {}),
      ...(sentinelUsername === undefined ? {} : { sentinelUsername }),
      ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
    })
  }

  async #serverOptions(password: string | undefined): Promise<ServerOptions> {
    const target = this.#target
    const { connectTimeoutMs, commandTimeoutMs } = this.#options
    const username = this.#options.username ?? target.username
    return {
      db: target.db,
      // Every server from 2.6 on speaks it, and nothing here needs more.
      protocol: 2,
      replyMapping: 'legacy',
      connectionName: 'drakkar',
      lazyConnect: true,
      connectTimeout: connectTimeoutMs,
      // A connection that says nothing for so long while an answer is due is taken for dead.
      commandTimeout: commandTimeoutMs,
      socketTimeout: commandTimeoutMs,
      // The delivery repeats; a driver that queues or repeats too would write behind its back.
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      retryStrategy: (attempt) => waitMs(attempt),
      reconnectOnError: (error) => error.message.includes('READONLY'),
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(target.tls ? { tls: await tlsOptions(this.#options.tls ?? {}) } : {}),
    }
  }
}

function clusterOptions(
  server: ServerOptions,
  connectTimeoutMs: number,
): ClusterOptions & { readonly redisOptions: ServerOptions } {
  return {
    redisOptions: server,
    lazyConnect: true,
    enableOfflineQueue: false,
    slotsRefreshTimeout: connectTimeoutMs,
    scaleReads: 'master',
    clusterRetryStrategy: (attempt) => waitMs(attempt),
    ...(server.tls === undefined ? {} : { dnsLookup: (address, callback) => callback(null, address) }),
  }
}

async function tlsOptions(tls: RedisTls): Promise<NonNullable<RedisOptions['tls']>> {
  const read = async (file: string | undefined): Promise<Buffer | undefined> => (file ? readFile(file) : undefined)
  const [ca, cert, key] = await Promise.all([read(tls.caFile), read(tls.certFile), read(tls.keyFile)])
  return {
    ...(ca ? { ca } : {}),
    ...(cert ? { cert } : {}),
    ...(key ? { key } : {}),
    ...(tls.serverName ? { servername: tls.serverName } : {}),
    rejectUnauthorized: tls.verify ?? true,
  }
}

/** All in one turn, so that it goes out over one connection. */
async function sent(
  client: Redis | Cluster,
  calls: readonly ScriptCall[],
  wait: ReplicaWait | null,
  whole: boolean,
): Promise<RunAnswers> {
  const command = whole ? 'EVAL' : 'EVALSHA'
  const answers = calls.map((call) => client.call(command, evalArguments(call, whole)).catch(asError))
  const replicas =
    wait === null ? null : client.call('WAIT', [String(wait.replicas), String(wait.timeoutMs)]).then(Number, asError)
  return { answers: await Promise.all(answers), replicas: await replicas }
}

function evalArguments({ script, keys, args }: ScriptCall, whole: boolean): (string | Buffer)[] {
  return [nameOf(script, whole), String(keys.length), ...keys, ...args]
}

const nameOf = (script: LuaScript, whole: boolean): string => (whole ? script.text : script.sha)

/** Between attempts to connect again: from 50 ms to 2 s. */
const waitMs = (attempt: number): number => Math.min(2000, 50 * 2 ** Math.min(attempt, 6))

const isUnknownScript = (answer: unknown): boolean => answer instanceof Error && answer.message.startsWith('NOSCRIPT')

const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(reasonOf(thrown)))

async function within<T>(timeoutMs: number, promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs)
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
