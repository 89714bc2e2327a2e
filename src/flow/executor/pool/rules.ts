/** What a persistent process can do wrong, by name; `drakkar conform` and the pool speak of the same rules. */
export const RULES = {
  framing: 'everything on stdout is a line (or frame) of the protocol; anything else belongs on stderr',
  size: 'no answer is longer than executor.pool.max_answer_bytes',
  fields: 'an answer is a JSON object whose fields have the right types',
  op: 'an answer is one of ok, fail, progress, partial, pong',
  unasked: 'nothing is said but in answer to what was asked, with its id',
  once: 'each request is answered once',
  id: 'an answer without an id is for the only request in flight',
  bye: 'after bye nothing more is written',
  whole: 'what is begun is written to its end',
} as const

export type RuleName = keyof typeof RULES

const SHOWN = 80

/** A process broke a rule: whatever it says from now on cannot be trusted. */
export class Violation extends Error {
  readonly rule: RuleName

  constructor(rule: RuleName, says: string) {
    super(says)
    this.name = 'Violation'
    this.rule = rule
  }
}

/** Bytes or text for a sentence: short, on one line, and nothing that moves a cursor. */
export function shown(what: Uint8Array | string): string {
  const text =
    typeof what === 'string' ? what : Buffer.from(what.buffer, what.byteOffset, what.byteLength).toString('utf8')
  const quoted = JSON.stringify(text.slice(0, SHOWN + 1))
  return text.length > SHOWN ? `${quoted.slice(0, SHOWN)}…"` : quoted
}
