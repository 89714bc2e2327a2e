/** How many requests may go out: `perSecond` on average, `burst` at once after a quiet time. */
export interface RateLimit {
  readonly perSecond: number
  readonly burst: number
}

/** Tokens that are left at a time; below zero: taken in advance by requests that wait. */
export interface Bucket {
  readonly tokens: number
  /** Milliseconds. */
  readonly at: number
}

/** A bucket that nobody has taken from yet. */
export const fullBucket = (now: number, limit: RateLimit): Bucket => ({ tokens: limit.burst, at: now })

/** Takes one token. `waitMs`: how long the request must wait for it, so that requests keep their order. */
export function takeToken(
  bucket: Bucket,
  now: number,
  limit: RateLimit,
): { readonly bucket: Bucket; readonly waitMs: number } {
  const elapsed = Math.max(0, now - bucket.at)
  const tokens = Math.min(limit.burst, bucket.tokens + (elapsed * limit.perSecond) / 1000) - 1
  const waitMs = tokens >= 0 ? 0 : Math.ceil((-tokens * 1000) / limit.perSecond)
  return { bucket: { tokens, at: Math.max(now, bucket.at) }, waitMs }
}
