import type { PauseReason } from '../../model/index.ts'

export interface IntakeOptions {
  /** Messages in flight, over all partitions, at which those that have their fair share are paused. */
  readonly highMessages: number
  /** Messages in flight at which they flow again. */
  readonly lowMessages: number
  /** Bytes held in memory at which partitions are paused, and flow again. */
  readonly highBytes: number
  readonly lowBytes: number
}

/** One partition's account. */
export interface IntakeAccount {
  /** A message was taken in (`messages` 1) or has gone (-1), or held bytes changed. */
  add(messages: number, bytes: number): void
  /** The partition is gone, with everything that it still held. */
  close(): void
  readonly messages: number
  readonly bytes: number
}

interface Account {
  messages: number
  bytes: number
  readonly paused: Set<PauseReason>
  readonly pause: (reason: PauseReason) => void
  readonly resume: (reason: PauseReason) => void
}

/**
 * Backpressure: counts what is in flight over all partitions and pauses, one by one, the partitions that hold at least
 * their fair share once the worker holds enough. A busy partition may use what idle ones leave, and a partition below
 * its share is never stopped by the others, so none starves.
 */
export class Intake {
  #options: IntakeOptions
  readonly #accounts = new Set<Account>()
  #messages = 0
  #bytes = 0

  constructor(options: IntakeOptions) {
    this.#options = options
  }

  get messages(): number {
    return this.#messages
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Opens the account of a partition; the two functions stop and restart its intake for a reason. */
  open(pause: (reason: PauseReason) => void, resume: (reason: PauseReason) => void): IntakeAccount {
    const account: Account = { messages: 0, bytes: 0, paused: new Set(), pause, resume }
    this.#accounts.add(account)
    const add = (messages: number, bytes: number): void => this.#add(account, messages, bytes)
    const close = (): void => this.#close(account)
    return {
      add,
      close,
      get messages() {
        return account.messages
      },
      get bytes() {
        return account.bytes
      },
    }
  }

  /** Other marks, from now on: what is paused and need not be flows again, what must pause does with its next message. */
  setMarks(options: IntakeOptions): void {
    this.#options = options
    for (const account of this.#accounts) this.#relieve(account)
  }

  #add(account: Account, messages: number, bytes: number): void {
    if (!this.#accounts.has(account)) return
    account.messages += messages
    account.bytes += bytes
    this.#messages += messages
    this.#bytes += bytes
    if (messages > 0 || bytes > 0) this.#consider(account)
    if (messages < 0 || bytes < 0) this.#relieve(account)
  }

  #close(account: Account): void {
    if (!this.#accounts.delete(account)) return
    this.#messages -= account.messages
    this.#bytes -= account.bytes
    this.#relieve(account)
  }

  #consider(account: Account): void {
    const { highMessages, highBytes } = this.#options
    const partitions = this.#accounts.size
    if (this.#messages >= highMessages && account.messages >= highMessages / partitions)
      this.#pause(account, 'backpressure:messages')
    if (this.#bytes >= highBytes && account.bytes >= highBytes / partitions) this.#pause(account, 'backpressure:bytes')
  }

  #relieve(changed: Account): void {
    const { lowMessages, lowBytes } = this.#options
    const partitions = Math.max(1, this.#accounts.size)
    this.#release(
      'backpressure:messages',
      this.#messages <= lowMessages,
      changed,
      changed.messages <= Math.floor(lowMessages / partitions),
    )
    this.#release(
      'backpressure:bytes',
      this.#bytes <= lowBytes,
      changed,
      changed.bytes <= Math.floor(lowBytes / partitions),
    )
  }

  #release(reason: PauseReason, everyone: boolean, changed: Account, alone: boolean): void {
    if (everyone) for (const account of this.#accounts) this.#resume(account, reason)
    else if (alone) this.#resume(changed, reason)
  }

  #pause(account: Account, reason: PauseReason): void {
    if (account.paused.has(reason)) return
    account.paused.add(reason)
    account.pause(reason)
  }

  #resume(account: Account, reason: PauseReason): void {
    if (account.paused.delete(reason)) account.resume(reason)
  }
}
