const M = 0x5bd1e995

/** The partition that the Java client (and librdkafka's `murmur2_random`) chooses for a key. */
export function partitionOf(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions
}

/** Kafka's murmur2, 32 bits. */
export function murmur2(data: Uint8Array): number {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  let hash = 0x9747b28c ^ data.length
  let at = 0
  for (; at + 4 <= data.length; at += 4) {
    let word = Math.imul(view.getInt32(at, true), M)
    word = Math.imul(word ^ (word >>> 24), M)
    hash = Math.imul(hash, M) ^ word
  }
  const rest = data.length - at
  if (rest === 3) hash ^= (data[at + 2] as number) << 16
  if (rest >= 2) hash ^= (data[at + 1] as number) << 8
  if (rest >= 1) hash = Math.imul(hash ^ (data[at] as number), M)
  hash = Math.imul(hash ^ (hash >>> 13), M)
  return hash ^ (hash >>> 15)
}
