/** The only source of chance in the flow: jitter and choices. Uniform in [0, 1). */
export type Random = () => number

/** The chance of the machine. */
export const systemRandom: Random = Math.random

/** Mulberry32: small, fast, and the same sequence for the same seed on every machine. Not for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
