import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { type Deferred, deferred } from '../../lib/index.ts'
import type { FromBroker, ToBroker } from './protocol.ts'

export interface EmbeddedBrokerOptions {
  /** Brokers of the cluster. Default 1. */
  readonly brokers?: number
}

/** A Kafka cluster for tests and demos. */
export interface EmbeddedBroker {
  /** Bootstrap servers: `127.0.0.1:<port>`, comma-separated. */
  readonly brokers: string
  /** Resolves when the topic exists. It has four partitions, always. */
  ensureTopic(topic: string): Promise<void>
  /** Ends the cluster; all it held is gone. Twice is fine. */
  stop(): Promise<void>
}

/**
 * Settings of a group on the embedded broker: each round of a rebalance there lasts the session time-out less one second,
 * so the usual time-outs look as if it hung. The very first join takes three seconds whatever they are, and a session that
 * is not longer than that ends before it: such a member is forgotten and waits for ever.
 */
export const EMBEDDED_GROUP: {
  readonly sessionTimeoutMs: number
  readonly heartbeatIntervalMs: number
  readonly maxPollIntervalMs: number
} = { sessionTimeoutMs: 4_000, heartbeatIntervalMs: 200, maxPollIntervalMs: 60_000 }

/** Client properties for the embedded broker: it holds a fetch for its whole waiting time though records have come. */
export const EMBEDDED_CLIENT: { readonly 'fetch.wait.max.ms': number } = { 'fetch.wait.max.ms': 20 }

/**
 * Starts librdkafka's mock cluster in a process of its own, which ends with this one. It speaks the Kafka protocol to any
 * librdkafka client and keeps everything in memory. Not a Kafka: topics appear when asked for, with four partitions;
 * a partition keeps its last 5 MiB; there is no admin API, no security, no transactional isolation, no faithful static
 * membership. Rejects where the client cannot be loaded or no broker comes up.
 */
export async function embeddedBroker(options: EmbeddedBrokerOptions = {}): Promise<EmbeddedBroker> {
  // The sources run without a build: the script has the extension that this file has.
  const script = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './serve.ts' : './serve.js', import.meta.url))
  const child = fork(script, [String(options.brokers ?? 1)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: [],
  })
  const link = new Link(child)
  const brokers = await link.address.promise
  // It must not keep its starter alive: when that one ends, so does it.
  child.unref()
  child.channel?.unref()
  return { brokers, ensureTopic: (topic) => link.ensure(topic), stop: () => link.stop() }
}

class Link {
  readonly address: Deferred<string> = deferred()
  readonly #child: ChildProcess
  readonly #asked = new Map<number, Deferred<void>>()
  #next = 0

  constructor(child: ChildProcess) {
    this.#child = child
    child.on('message', (message: FromBroker) => this.#heard(message))
    child.on('error', (error) => this.#gone(error.message))
    child.on('exit', (code, signal) => this.#gone(`it ended with ${signal ?? `status ${code}`}`))
  }

  ensure(topic: string): Promise<void> {
    const asked = deferred<void>()
    const message: ToBroker = { ensure: topic, id: this.#next }
    this.#asked.set(this.#next, asked)
    this.#next += 1
    // While an answer is awaited the process stays.
    this.#child.channel?.ref()
    this.#child.send(message, (error) => {
      if (error) asked.reject(error)
    })
    return asked.promise.finally(() => {
      this.#asked.delete(message.id)
      if (this.#asked.size === 0) this.#child.channel?.unref()
    })
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.ref()
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }

  #heard(message: FromBroker): void {
    if ('brokers' in message) this.address.resolve(message.brokers)
    else if ('failed' in message) this.address.reject(new Error(`The embedded broker did not start: ${message.failed}`))
    else if (message.error === undefined) this.#asked.get(message.ensured)?.resolve()
    else this.#asked.get(message.ensured)?.reject(new Error(message.error))
  }

  #gone(why: string): void {
    const error = new Error(`The embedded broker is gone: ${why}`)
    this.address.reject(error)
    for (const asked of this.#asked.values()) asked.reject(error)
  }
}
