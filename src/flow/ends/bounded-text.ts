/** Text as UTF-8 of at most `maxBytes`, cut between characters; what was cut ends in an ellipsis. */
export function boundedText(text: string, maxBytes: number): Buffer {
  const bytes = Buffer.from(text, 'utf8')
  if (bytes.length <= maxBytes) return bytes
  const ellipsis = Buffer.from('…', 'utf8')
  let end = Math.max(0, maxBytes - ellipsis.length)
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1
  return Buffer.concat([bytes.subarray(0, end), ellipsis])
}

/** User names and passwords in URLs have no place in a dead letter. */
export function withoutCredentials(text: string): string {
  return text.replace(/\/\/[^\s/?#]+@/g, '//***@')
}
