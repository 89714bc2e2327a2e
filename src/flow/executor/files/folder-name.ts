import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'

/** Name of the socket in each folder of a worker: somebody listens on it as long as the worker lives. */
export const ALIVE = 'alive'
/** Longer paths of sockets are refused by the system. */
export const MAX_SOCKET_PATH = 100

/** Which machine, and since when it runs: what a folder's name says of the worker that made it. */
export interface Machine {
  readonly host: string
  readonly boot: string
}

const short = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 8)

export function thisMachine(): Machine {
  let boot = ''
  try {
    boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    // Not Linux: then every folder of this host is judged by its socket.
  }
  return { host: short(hostname()), boot: short(boot) }
}

/** What a folder of this worker begins with, for `mkdtemp`. */
export function stemIn(base: string): string {
  const { host, boot } = thisMachine()
  return join(base, `drakkar-${host}-${boot}-`)
}

/** The machine in a folder's name; null for any other name. */
export function machineOf(name: string): Machine | null {
  const found = /^drakkar-([0-9a-f]{8})-([0-9a-f]{8})-[A-Za-z0-9]{6}$/.exec(name)
  return found === null ? null : { host: found[1] as string, boot: found[2] as string }
}
