const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
/** Those that the protocol or the sink itself sets. */
const RESERVED = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Why a header of a request cannot be set; null where it can. `own`: further names that are taken, in lower case. */
export function headerProblem(name: string, value: string, own: readonly string[] = []): string | null {
  const lower = name.toLowerCase()
  if (!TOKEN.test(name)) return `${JSON.stringify(name)} is no name of a header`
  if (lower === 'content-type') return '`content-type` comes from `encoding` and `content_type` of the sink'
  if (RESERVED.has(lower) || lower.startsWith('proxy-') || own.includes(lower)) return `\`${name}\` is set by the sink`
  // The value may be a secret: it is never shown.
  return VALUE.test(value) ? null : `the value of \`${name}\` has characters that a header cannot hold`
}
