import { readFile } from 'node:fs/promises'
import type { LookupFunction } from 'node:net'
import type { Agent } from 'undici'
import type { AddressRules } from '../../../lib/index.ts'
import { DrakkarError, reasonOf } from '../../../model/index.ts'
import type { HttpAnswer } from './answer.ts'
import { type Connector, type ConnectorOptions, guardedConnector } from './connector.ts'
import { exchange } from './exchange.ts'
import { failureOf } from './failure.ts'
import { shownUrl } from './target.ts'

/** How to speak TLS; paths of files in PEM. */
export interface TlsOptions {
  readonly verify: boolean
  readonly caFile: string
  readonly certFile: string
  readonly keyFile: string
  readonly keyPassword: string
  readonly serverName: string
}

export interface ClientOptions {
  /** Where the settings stand, for errors. */
  readonly where: string
  /** Connections to each host; each carries one request at a time. */
  readonly connections: number
  readonly connectTimeoutMs: number
  readonly headersTimeoutMs: number
  readonly bodyTimeoutMs: number
  readonly tls: TlsOptions
  readonly addresses: AddressRules
  readonly lookup?: LookupFunction
}

export interface HttpCall {
  readonly method: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | string | null
}

/** Connections that are kept and used again. */
export class HttpClient {
  readonly #agent: Agent
  readonly #connector: Connector
  readonly #where: string

  private constructor(agent: Agent, connector: Connector, where: string) {
    this.#agent = agent
    this.#connector = connector
    this.#where = where
  }

  /** Loads the driver and the files of `tls`. Rejects with SINK_UNAVAILABLE where one cannot be read. */
  static async open(options: ClientOptions): Promise<HttpClient> {
    const { Agent: UndiciAgent, buildConnector } = await import('undici')
    const settings: ConnectorOptions = {
      ...(await tlsSettings(options)),
      timeout: options.connectTimeoutMs,
      autoSelectFamily: true,
      allowH2: false,
    }
    const connector = guardedConnector(buildConnector, settings, options.addresses, options.lookup)
    const agent = new UndiciAgent({
      connections: options.connections,
      pipelining: 1,
      headersTimeout: options.headersTimeoutMs,
      bodyTimeout: options.bodyTimeoutMs,
      connect: connector,
    })
    return new HttpClient(agent, connector, options.where)
  }

  /** Opens one connection and closes it. Rejects with SINK_UNAVAILABLE where that does not work. */
  async check(url: URL): Promise<void> {
    const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port
    const target = { protocol: url.protocol, hostname: url.hostname, host: url.host, port }
    try {
      await new Promise<void>((resolve, reject) => {
        this.#connector(target, (error, socket) => {
          socket?.destroy()
          if (error === null) resolve()
          else reject(error)
        })
      })
    } catch (error) {
      const { message, cause } = failureOf(error, `${this.#where}.url: ${shownUrl(url)} cannot be reached`)
      throw new DrakkarError('SINK_UNAVAILABLE', message, {
        cause,
        advice:
          'Correct the address, start the server, or let the worker start without it: `check_at_start: false` (then its partitions are held until it is there).',
      })
    }
  }

  /** Sends a request once. Rejects where no complete answer came. */
  send({ method, url, headers, body }: HttpCall, signal: AbortSignal): Promise<HttpAnswer> {
    const path = `${url.pathname}${url.search}`
    return exchange(this.#agent, { origin: url.origin, path, method, headers, body }, signal)
  }

  /** What is under way is broken off. Twice is fine. */
  async close(): Promise<void> {
    await this.#agent.destroy()
  }
}

async function tlsSettings({ tls, where }: ClientOptions): Promise<ConnectorOptions> {
  const read = async (name: string, path: string): Promise<Buffer> => {
    try {
      return await readFile(path)
    } catch (error) {
      throw new DrakkarError('SINK_UNAVAILABLE', `${where}.tls.${name}: ${path} cannot be read: ${reasonOf(error)}`, {
        cause: error,
        advice: 'Correct the path, and let the user of the worker read it.',
      })
    }
  }
  return {
    rejectUnauthorized: tls.verify,
    ...(tls.caFile === '' ? {} : { ca: await read('ca_file', tls.caFile) }),
    ...(tls.certFile === '' ? {} : { cert: await read('cert_file', tls.certFile) }),
    ...(tls.keyFile === '' ? {} : { key: await read('key_file', tls.keyFile) }),
    ...(tls.keyPassword === '' ? {} : { passphrase: tls.keyPassword }),
    ...(tls.serverName === '' ? {} : { servername: tls.serverName }),
  }
}
