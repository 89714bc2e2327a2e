import { DrakkarError } from '../../../model/index.ts'
import type { DriverError } from './driver.ts'

type Denial = 'group' | 'topic' | 'cluster' | 'credentials'

/** What the brokers said no to, by the client's code for it. */
const DENIALS: Readonly<Record<string, Denial>> = {
  ERR_GROUP_AUTHORIZATION_FAILED: 'group',
  ERR_TOPIC_AUTHORIZATION_FAILED: 'topic',
  ERR_CLUSTER_AUTHORIZATION_FAILED: 'cluster',
  ERR_SASL_AUTHENTICATION_FAILED: 'credentials',
  ERR__AUTHENTICATION: 'credentials',
}

export interface AccessOptions {
  readonly groupId: string
  /** As they are configured. */
  readonly topics: readonly string[]
}

/**
 * Whether the brokers let the source do its work. What they forbid before anything has worked is an error of the start,
 * as a missing topic is; later it may be given back, and the client goes on by itself then.
 */
export class Access {
  readonly #options: AccessOptions
  #worked = false
  #denied: { readonly what: Denial; readonly text: string } | null = null

  constructor(options: AccessOptions) {
    this.#options = options
  }

  /** What they forbid, and what to do; null while they forbid nothing. */
  get denied(): string | null {
    return this.#denied === null ? null : this.#denied.text
  }

  /**
   * The client reports an error: of something else, of a denial that may be taken back, or of one that the source has to
   * end with.
   */
  report(error: DriverError): 'other' | 'denied' | DrakkarError {
    const what = DENIALS[error.code]
    if (what === undefined) return 'other'
    const advice = this.#advice(what)
    this.#denied = { what, text: `${error.message}. ${advice}` }
    if (this.#worked || what === 'credentials') return 'denied'
    return new DrakkarError('NOT_AUTHORIZED', `the Kafka source may not do its work: ${error.message}`, {
      cause: error,
      advice,
    })
  }

  /** A broker is connected, and nothing else can tell: no partition is ours to commit. */
  connected(): void {
    if (this.#denied?.what === 'credentials') this.#denied = null
  }

  /** The group let us in: what we were refused for before is not refused any more. */
  assigned(): void {
    this.#denied = null
  }

  /** A commit was taken, which needs everything that the source needs. */
  committed(): void {
    this.#worked = true
    this.#denied = null
  }

  #advice(what: Denial): string {
    const { groupId, topics } = this.#options
    const allow = (resource: string): string => `kafka-acls --add --allow-principal User:… ${resource} --operation Read`
    if (what === 'group') return `Let its user read the group: ${allow(`--group ${groupId}`)}.`
    if (what === 'topic') return `Let its user read each source topic: ${allow(`--topic ${topics.join(' --topic ')}`)}.`
    if (what === 'cluster') return 'See the ACLs of the cluster for its user.'
    return 'Check user and password (kafka.security). A new password in sasl_password_file is tried by itself; for anything else the worker must be started again.'
  }
}
