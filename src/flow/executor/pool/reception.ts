import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { openRendezvous, type Rendezvous } from '../launcher/rendezvous.ts'
import type { Dial } from '../launcher/start-frame.ts'

const TOKEN_BYTES = 32

/** Where the connections of persistent processes arrive: each is announced by the token of who is waiting for it. */
export class Reception {
  readonly #expected: Map<string, (socket: Socket) => void> = new Map()
  #rendezvous: Rendezvous | null = null

  /** Fails with LAUNCHER_FAILED where no socket can be made. */
  async open(): Promise<void> {
    this.#rendezvous ??= await openRendezvous((socket) => this.#greet(socket))
  }

  /** For one start. `forget` when it will not come any more. */
  expect(arrived: (socket: Socket) => void): { readonly dial: Dial; readonly forget: () => void } {
    const hello = randomBytes(TOKEN_BYTES)
    const token = hello.toString('hex')
    this.#expected.set(token, arrived)
    return { dial: { path: this.#rendezvous?.path ?? '', hello }, forget: () => this.#expected.delete(token) }
  }

  async close(): Promise<void> {
    this.#expected.clear()
    await this.#rendezvous?.close()
  }

  #greet(socket: Socket): void {
    const drop = (): void => void socket.destroy()
    const look = (): void => {
      const hello = socket.read(TOKEN_BYTES) as Buffer | null
      if (hello === null) return
      socket.off('readable', look)
      const token = hello.toString('hex')
      const arrived = this.#expected.get(token)
      if (arrived === undefined) return drop()
      this.#expected.delete(token)
      socket.off('error', drop)
      arrived(socket)
    }
    socket.on('error', drop)
    socket.on('readable', look)
  }
}
