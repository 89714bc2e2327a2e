import { createServer } from 'node:net'

/** First port that is tried: above the last one that `fetch` refuses, 10,080. */
const LOWEST = 11_000
/** First port that Linux gives to outgoing connections, unless `net.ipv4.ip_local_port_range` says otherwise. */
const EPHEMERAL = 32_768

/** Given to somebody who may not listen yet, or found taken. */
const seen = new Set<number>()

/**
 * A free port of 127.0.0.1 for a server that is told where to listen, and that keeps the port when it is restarted; the
 * ports at the distances `also` from it are free too. Never one that outgoing connections get from the kernel: a client
 * could hold it between the choice and the start, or while the server is down, and the server would not come (back).
 */
export async function freePort(...also: readonly number[]): Promise<number> {
  const range = EPHEMERAL - LOWEST - Math.max(0, ...also)
  for (let tries = 0; tries < 1000; tries++) {
    const port = LOWEST + Math.floor(Math.random() * range)
    const ports = [port, ...also.map((distance) => port + distance)]
    if (ports.some((one) => seen.has(one))) continue
    for (const one of ports) seen.add(one)
    const free = await Promise.all(ports.map(isFree))
    if (free.every(Boolean)) return port
  }
  throw new Error(`no free port of 127.0.0.1 between ${LOWEST} and ${EPHEMERAL - 1}`)
}

function isFree(port: number): Promise<boolean> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
