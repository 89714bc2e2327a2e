import type { RecordVerdict, Sink, SinkRecord } from '../sink.ts'
import { guardedScript, type LuaScript } from './guarded-scripts.ts'
import type { GuardSettings } from './guards.ts'
import { callFailed, DONE, verdictOf } from './redis-error.ts'
import type { RedisLink, ReplicaWait } from './redis-link.ts'
import { type RedisWrite, redisWrite } from './redis-write.ts'
import { type ScriptCall, scriptCalls } from './script-calls.ts'

export interface RedisSinkOptions {
  /** Name of the instance: the key under `sinks.redis`. */
  readonly name: string
  /** Of this sink alone: it is connected and closed with it. */
  readonly link: RedisLink
  /** Before every key. Default none. */
  readonly keyPrefix?: string
  /** Lua by name, for op `script`. */
  readonly scripts?: Readonly<Record<string, string>>
  /** Who writes: the consumer group. Keeps its markers and fences apart from those of other applications. */
  readonly scope: string
  /** Marks records whose op would do more the second time, so that a replay does nothing. Default true. */
  readonly markers?: boolean
  /** How long a marker lives, milliseconds; a replay after that writes again. Default a day. */
  readonly markerTtlMs?: number
  /** Refuses what a former owner of the partition still sends. Default true. */
  readonly fences?: boolean
  /** Replicas that must have a batch before it is acknowledged. Default 0. */
  readonly waitReplicas?: number
  /** How long to wait for them, milliseconds. Default 5,000. */
  readonly waitTimeoutMs?: number
}

/** A sink that writes to Redis: a server, a cluster, or what sentinels call the master. */
export function createRedisSink(options: RedisSinkOptions): Sink<RedisWrite> {
  return new RedisSink(options)
}

class RedisSink implements Sink<RedisWrite> {
  readonly kind = 'redis'
  readonly name: string
  readonly #options: RedisSinkOptions
  readonly #scripts: ReadonlyMap<string, LuaScript>
  readonly #accepts: { readonly keyPrefix: string; readonly scripts: ReadonlySet<string> }
  readonly #guards: GuardSettings

  constructor(options: RedisSinkOptions) {
    const { keyPrefix = '', scripts = {}, scope, link } = options
    this.name = options.name
    this.#options = options
    this.#scripts = new Map(Object.entries(scripts).map(([name, text]) => [name, guardedScript(text)]))
    this.#accepts = { keyPrefix, scripts: new Set(Object.keys(scripts)) }
    this.#guards = {
      keyPrefix,
      scope,
      markers: options.markers ?? true,
      markerTtlMs: options.markerTtlMs ?? 86_400_000,
      fences: options.fences ?? true,
      cluster: link.cluster,
    }
  }

  accept(payload: unknown): RedisWrite {
    return redisWrite(payload, this.#accepts)
  }

  size(payload: RedisWrite): number {
    return payload.bytes
  }

  connect(): Promise<void> {
    return this.#options.link.connect()
  }

  async deliver(batch: readonly SinkRecord<RedisWrite>[]): Promise<readonly RecordVerdict[]> {
    if (batch.length === 0) return []
    const { link, waitReplicas = 0, waitTimeoutMs = 5000 } = this.#options
    const calls = scriptCalls(batch, this.#scripts, this.#guards)
    const wait = waitReplicas === 0 ? null : { replicas: waitReplicas, timeoutMs: waitTimeoutMs }
    const { answers, replicas } = await link.run(calls, wait)
    const verdicts: RecordVerdict[] = []
    for (const [place, call] of calls.entries()) this.#judge(batch, call, answers[place], verdicts)
    return wait === null ? verdicts : this.#replicated(verdicts, wait, replicas)
  }

  close(): Promise<void> {
    return this.#options.link.close()
  }

  #judge(batch: readonly SinkRecord<RedisWrite>[], call: ScriptCall, answer: unknown, verdicts: RecordVerdict[]): void {
    const allDone = answer === call.records.length
    for (const [place, index] of call.records.entries()) {
      if (allDone) {
        verdicts[index] = DONE
        continue
      }
      const { payload, assignment } = batch[index] as SinkRecord<RedisWrite>
      const where = `redis:${this.name} ${payload.op} ${payload.keys[0] ?? ''}`.trim()
      if (!Array.isArray(answer)) verdicts[index] = callFailed(answer, where)
      else {
        const partition = `${assignment.topic}:${assignment.partition}`
        verdicts[index] = verdictOf((answer as unknown[])[place], where, assignment.owner, partition)
      }
    }
  }

  /** A master that dies takes with it what no replica has; where that matters a record waits for them. */
  #replicated(verdicts: readonly RecordVerdict[], wait: ReplicaWait, answer: unknown): readonly RecordVerdict[] {
    if (typeof answer === 'number' && answer >= wait.replicas) return verdicts
    const few = new Error(
      `${String(answer)} of ${wait.replicas} replicas have the batch after ${wait.timeoutMs / 1000} s`,
    )
    const missing = callFailed(answer instanceof Error ? answer : few, `redis:${this.name}`)
    return verdicts.map((verdict) => (verdict.ok ? missing : verdict))
  }
}
