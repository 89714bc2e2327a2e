import { type Clock, headerProblem, SecretFile } from '../../../lib/index.ts'
import { DrakkarError, reasonOf } from '../../../model/index.ts'
import type { Headers } from './headers.ts'

/** The `Authorization` header of a token in a file, which others replace before it expires. */
export class BearerToken {
  readonly #path: string
  readonly #where: string
  readonly #clock: Clock
  #file: SecretFile | null = null
  #header: Headers = {}

  /** `where`: the path of the setting, for errors. */
  constructor(path: string, where: string, clock: Clock) {
    this.#path = path
    this.#where = where
    this.#clock = clock
  }

  /** As the file was read last; empty before it is open. */
  get header(): Headers {
    return this.#header
  }

  /** Throws SINK_UNAVAILABLE where the file cannot be read, is empty, or holds what no header can. */
  open(): void {
    try {
      this.#file = new SecretFile(this.#path, this.#clock)
      this.#take(this.#file.secret)
    } catch (error) {
      throw new DrakkarError('SINK_UNAVAILABLE', `${this.#where} cannot be used: ${reasonOf(error)}`, {
        cause: error,
        advice: 'The file must hold the token alone, on one line, and the user of the worker must be able to read it.',
      })
    }
    this.#file.follow((token) => {
      try {
        this.#take(token)
      } catch {
        // The one that worked is better than none: should it have expired, the answers will say so.
      }
    })
  }

  close(): void {
    this.#file?.stop()
    this.#file = null
  }

  #take(token: string): void {
    const value = `Bearer ${token.trim()}`
    const problem = headerProblem('authorization', value)
    if (problem !== null) throw new Error(`${this.#path} holds no token: ${problem}`)
    this.#header = { authorization: value }
  }
}
