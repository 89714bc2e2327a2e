import { promisify } from 'node:util'
import { gzip, zstdCompress } from 'node:zlib'

export type Compression = 'none' | 'gzip' | 'zstd'

const EXTENSIONS: Readonly<Record<Compression, string>> = { none: '', gzip: '.gz', zstd: '.zst' }
const gzipped = promisify(gzip)
const zstandard = promisify<Buffer, Buffer>(zstdCompress)

/** The path with the extension of its compression, once. */
export function withExtension(path: string, compression: Compression): string {
  return path.endsWith(EXTENSIONS[compression]) ? path : path + EXTENSIONS[compression]
}

/** One member (gzip) or frame (zstd): a file of several of them is read as one, by every tool. */
export async function compressed(bytes: Buffer, compression: Compression): Promise<Buffer> {
  if (compression === 'none') return bytes
  return compression === 'gzip' ? gzipped(bytes) : zstandard(bytes)
}
