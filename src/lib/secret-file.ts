import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Clock, Timer } from './clock.ts'

/** How often a followed file is read again: a new secret is known this soon. */
const READ_EVERY_MS = 5_000

/** The secret that a file holds, without the end of its line. Rejects where it cannot be read. */
export async function readSecret(path: string): Promise<string> {
  return withoutLineEnd(await readFile(path, 'utf8'))
}

/**
 * A secret in a file that others replace while the process runs. Throws where the file cannot be read or holds nothing;
 * later that is passed over, as the file is being replaced then, and the secret stays what it was.
 */
export class SecretFile {
  readonly #path: string
  readonly #clock: Clock
  #secret: string
  #timer: Timer | null = null
  #stopped = false

  constructor(path: string, clock: Clock) {
    this.#path = path
    this.#clock = clock
    this.#secret = withoutLineEnd(readFileSync(path, 'utf8'))
    if (this.#secret === '') throw new Error(`${path} is empty`)
  }

  /** As it was read last. */
  get secret(): string {
    return this.#secret
  }

  /** Reads the file every five seconds from now on, and tells of each new secret once. */
  follow(changed: (secret: string) => void): void {
    if (this.#stopped) return
    this.#timer = this.#clock.timer(READ_EVERY_MS, () => {
      void this.#read(changed).then(() => this.follow(changed))
    })
  }

  /** For good: nothing is read or told any more. */
  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  async #read(changed: (secret: string) => void): Promise<void> {
    const secret = await readSecret(this.#path).catch(() => '')
    if (this.#stopped || secret === '' || secret === this.#secret) return
    this.#secret = secret
    changed(secret)
  }
}

function withoutLineEnd(text: string): string {
  return text.replace(/\r?\n$/, '')
}
