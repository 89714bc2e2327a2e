import { createServer, connect as dial, type Server, type Socket } from 'node:net'

/** A TCP way to a server that a test can cut, reset, or make slow. */
export interface Proxy extends AsyncDisposable {
  readonly port: number
  /** Connections that are open now. */
  readonly open: number
  /** Passes nothing on any more, in both directions, and says nothing about it: a cable pulled. */
  cut(): void
  /** Ends every connection with a reset; with `refuse` new ones too, until `heal`. */
  reset(refuse?: boolean): void
  /** Everything arrives this much later, milliseconds. */
  delay(ms: number): void
  /** As at the start. What a cut held back is passed on. */
  heal(): void
  stop(): Promise<void>
}

/** Listens on a free port of 127.0.0.1 and passes everything on to `port`. */
export async function startProxy(port: number): Promise<Proxy> {
  const state = { cut: false, refuse: false, delayMs: 0 }
  const pairs = new Set<Pair>()
  const server = createServer((near) => {
    if (state.refuse) {
      near.resetAndDestroy()
      return
    }
    const pair = new Pair(near, dial(port, '127.0.0.1'), state)
    pairs.add(pair)
    near.once('close', () => pairs.delete(pair))
  })
  const stop = async (): Promise<void> => {
    for (const pair of pairs) pair.reset()
    await new Promise<void>((resolve) => server.close(() => resolve()))
  }
  return {
    port: await listening(server),
    get open() {
      return pairs.size
    },
    cut: () => {
      state.cut = true
      for (const pair of pairs) pair.pause()
    },
    reset: (refuse = false) => {
      state.refuse = refuse
      for (const pair of pairs) pair.reset()
    },
    delay: (ms) => {
      state.delayMs = ms
    },
    heal: () => {
      Object.assign(state, { cut: false, refuse: false, delayMs: 0 })
      for (const pair of pairs) pair.resume()
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

class Pair {
  readonly #near: Socket
  readonly #far: Socket

  constructor(near: Socket, far: Socket, state: { readonly cut: boolean; readonly delayMs: number }) {
    this.#near = near
    this.#far = far
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('data', (chunk) => {
        if (state.delayMs === 0) to.write(chunk)
        else setTimeout(() => to.write(chunk), state.delayMs)
      })
      from.on('end', () => to.end())
      from.on('error', () => to.destroy())
      from.on('close', () => to.destroy())
    }
    if (state.cut) this.pause()
  }

  pause(): void {
    this.#near.pause()
    this.#far.pause()
  }

  resume(): void {
    this.#near.resume()
    this.#far.resume()
  }

  reset(): void {
    this.#near.resetAndDestroy()
    this.#far.resetAndDestroy()
  }
}

function listening(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : 0)
    })
  })
}
