import { renameSync } from 'node:fs'
import { Collector } from '../../support/collector.ts'
import type { KafkaBroker } from '../kafka.ts'
import type { Proxy } from '../proxy.ts'
import type { ServerProcess } from '../server-process.ts'

/** One way to take a store away. */
export interface Outage {
  readonly how: string
  begin(): Promise<void>
  end(): Promise<void>
}

/** A store that can be taken away, each time in the next of its ways. */
export class Store {
  readonly name: string
  readonly #ways: readonly Outage[]
  #times = 0

  constructor(name: string, ways: readonly Outage[]) {
    this.name = name
    this.#ways = ways
  }

  next(): Outage {
    const way = this.#ways[this.#times % this.#ways.length]
    if (way === undefined) throw new Error(`${this.name} cannot be taken away`)
    this.#times += 1
    return way
  }
}

export const cutNetwork = (proxy: Proxy): Outage => ({
  how: 'its network is cut',
  begin: async () => proxy.cut(),
  end: async () => proxy.heal(),
})

export const refuseConnections = (proxy: Proxy): Outage => ({
  how: 'its connections are reset, new ones refused',
  begin: async () => proxy.reset(true),
  end: async () => proxy.heal(),
})

export const killServer = (server: ServerProcess): Outage => ({
  how: 'it is killed',
  begin: async () => server.kill(),
  end: async () => server.restart(),
})

/** For servers of one process only. */
export const freezeServer = (server: ServerProcess): Outage => ({
  how: 'it is frozen',
  begin: async () => server.freeze(),
  end: async () => server.thaw(),
})

export const killBroker = (kafka: KafkaBroker): Outage => ({
  how: 'it is killed',
  begin: async () => void process.kill(kafka.pid, 'SIGKILL'),
  end: async () => kafka.restart(),
})

export const freezeBroker = (kafka: KafkaBroker): Outage => ({
  how: 'it is frozen',
  begin: async () => void process.kill(kafka.pid, 'SIGSTOP'),
  end: async () => void process.kill(kafka.pid, 'SIGCONT'),
})

/** As when a mounted disk is gone, and then there again. */
export const moveFolder = (folder: string): Outage => ({
  how: 'its folder is moved away',
  begin: async () => renameSync(folder, `${folder}.away`),
  end: async () => renameSync(`${folder}.away`, folder),
})

/** A collector that keeps in `file` what it got, and comes back on the same port. */
export class KilledCollector implements Outage {
  readonly how = 'it is killed'
  readonly #file: string
  readonly #port: number
  #now: Collector

  private constructor(first: Collector, file: string) {
    this.#now = first
    this.#port = first.port
    this.#file = file
  }

  static async start(file: string): Promise<KilledCollector> {
    return new KilledCollector(await Collector.start(undefined, [], file), file)
  }

  get now(): Collector {
    return this.#now
  }

  begin(): Promise<void> {
    return this.#now.stop()
  }

  async end(): Promise<void> {
    this.#now = await Collector.start(this.#port, [], this.#file)
  }
}
