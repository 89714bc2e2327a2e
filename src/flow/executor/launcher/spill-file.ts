import { closeSync, openSync, writeSync } from 'node:fs'
import { constants } from 'node:os'
import type { Spill } from './start-frame.ts'

/** Stdout beyond its cap, in a file that the worker named. */
export class SpillFile {
  readonly #spill: Spill
  #fd = -1
  #errno = 0

  constructor(spill: Spill) {
    this.#spill = spill
  }

  /** 0, or why it could not be written: then nothing more is. */
  get errno(): number {
    return this.#errno
  }

  /** Writes bytes at their place in stdout. False where that cannot be. */
  write(place: number, bytes: Buffer): boolean {
    if (this.#errno !== 0) return false
    const { file, maxBytes } = this.#spill
    try {
      if (maxBytes !== 0 && place + bytes.length > maxBytes) throw Object.assign(new Error(), { code: 'EFBIG' })
      if (this.#fd < 0) this.#fd = openSync(file, 'wx', 0o600)
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at, bytes.length - at, place + at)
      return true
    } catch (error) {
      this.#errno = constants.errno[(error as NodeJS.ErrnoException).code as 'EIO'] ?? constants.errno.EIO
      return false
    }
  }

  end(): void {
    if (this.#fd >= 0) closeSync(this.#fd)
    this.#fd = -1
  }
}
