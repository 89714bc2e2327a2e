import { type Bucket, fullBucket, type RateLimit, takeToken } from './token-bucket.ts'

/** Hosts that are remembered; beyond it those that nothing waits for are forgotten. */
const MOST_HOSTS = 1000

interface Host {
  bucket: Bucket | null
  /** The host asked for quiet until then (`Retry-After`), monotonic milliseconds. */
  quietUntil: number
}

/** When the next request to a host may go out: its rate limit, and the quiet that it asked for. */
export class Gate {
  readonly #limit: RateLimit | null
  readonly #hosts = new Map<string, Host>()

  /** `limit` is per host; null: none. */
  constructor(limit: RateLimit | null) {
    this.#limit = limit
  }

  /** Milliseconds for which the host wants no request at all; 0 where it wants them. */
  quietFor(host: string, now: number): number {
    return Math.max(0, (this.#hosts.get(host)?.quietUntil ?? 0) - now)
  }

  /** Counts a request; answers how long it must wait. */
  enter(host: string, now: number): number {
    const quiet = this.quietFor(host, now)
    if (this.#limit === null) return quiet
    const known = this.#host(host)
    const { bucket, waitMs } = takeToken(known.bucket ?? fullBucket(now, this.#limit), now, this.#limit)
    known.bucket = bucket
    return Math.max(quiet, waitMs)
  }

  /** The host asked for quiet, for so many milliseconds from now. */
  quiet(host: string, now: number, forMs: number): void {
    const known = this.#host(host)
    known.quietUntil = Math.max(known.quietUntil, now + forMs)
  }

  #host(name: string): Host {
    const known = this.#hosts.get(name)
    if (known !== undefined) return known
    if (this.#hosts.size >= MOST_HOSTS) this.#hosts.clear()
    const host: Host = { bucket: null, quietUntil: 0 }
    this.#hosts.set(name, host)
    return host
  }
}
