/** A share of messages within a time. */
export interface MaxDead {
  /** Above 0, below 1. */
  readonly share: number
  readonly windowMs: number
}

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 }

/** `5% / 10m` taken apart; null where the text is something else. At least 1 s, at most 24 h. */
export function parseMaxDead(text: string): MaxDead | null {
  const [, percent = '', time = '', unit = ''] =
    /^\s*(\d+(?:\.\d+)?)\s*%\s*\/\s*(\d+(?:\.\d+)?)\s*([smh])\s*$/i.exec(text) ?? []
  const share = Number(percent) / 100
  const windowMs = Number(time) * (UNITS[unit.toLowerCase()] ?? 0)
  return share > 0 && share < 1 && windowMs >= 1000 && windowMs <= 86_400_000 ? { share, windowMs } : null
}
