import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** Compiles `program.c` to `folder/program` and answers the path. Needs a C compiler, as the Kafka client does. */
export async function compileProgram(folder: string): Promise<string> {
  const path = join(folder, 'program')
  await promisify(execFile)('cc', ['-O2', '-static', '-o', path, join(import.meta.dirname, 'program.c')])
  return path
}

/** FNV-1a, 64 bits: the sum that the program prints of what it read. */
export function sumOf(bytes: Uint8Array): string {
  // In two halves of 32 bits: ten megabytes with BigInt would take seconds.
  let high = 0xcbf29ce4
  let low = 0x84222325
  for (const byte of bytes) {
    low = (low ^ byte) >>> 0
    // × 0x100000001b3, modulo 2^64.
    const product = low * 0x1b3
    high = (Math.imul(high, 0x1b3) + Math.floor(product / 0x1_0000_0000) + (low << 8)) >>> 0
    low = product >>> 0
  }
  return high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0')
}
