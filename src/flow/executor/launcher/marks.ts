import { readdirSync, readFileSync } from 'node:fs'

/** How often the whole machine is gone through: what is being ended may fork meanwhile. */
const MAX_ROUNDS = 10
/** As in launcher/mark.c: | 1 | family 24 bits | launcher 22 bits | run 16 bits |. */
const RUN_BITS = 16n
const LAUNCHER_BITS = 22n
const FAMILY_SHIFT = RUN_BITS + LAUNCHER_BITS

/** What all launchers of one worker have in common: a number made of the path of their socket. */
export function familyOf(socketPath: string): number {
  let hash = 2_166_136_261
  for (const byte of Buffer.from(socketPath)) hash = Math.imul(hash ^ byte, 16_777_619) >>> 0
  return hash & 0xff_ffff
}

/** The family and the launcher in the text of `/proc/<pid>/limits`; null for a process without a mark. */
export function markIn(limits: string): { readonly family: number; readonly launcher: number } | null {
  const found = /^Max realtime timeout\s+(\d+)/m.exec(limits)
  if (found === null) return null
  const value = BigInt(found[1] as string)
  if (value >> 62n !== 1n) return null
  return {
    family: Number((value >> FAMILY_SHIFT) & 0xff_ffffn),
    launcher: Number((value >> RUN_BITS) & ((1n << LAUNCHER_BITS) - 1n)),
  }
}

/** Which processes a launcher that died may have left, of which kind it was, and with which socket. */
export interface DeadLauncher {
  readonly kind: string
  readonly pid: number
  readonly socketPath: string
}

/** In the environment of everything that a Node launcher starts, which cannot mark it by a limit. */
export const MARK_VARIABLE = 'DRAKKAR_LAUNCHED_BY'

/** The value of that variable. */
export function markValue(socketPath: string, launcher: number): string {
  return `${familyOf(socketPath)}.${launcher}`
}

/**
 * Ends what a launcher that died has left to init: everything on this machine that carries its mark, in whatever session. How
 * many that were.
 */
export function endMarked(launcher: DeadLauncher): number {
  const isMarked = launcher.kind === 'native' ? byLimit(launcher) : byVariable(launcher)
  let ended = 0
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const hits = processes().filter((pid) => pid !== process.pid && isMarked(pid) && kill(pid)).length
    if (hits === 0) break
    ended += hits
  }
  return ended
}

function byLimit({ socketPath, pid: launcher }: DeadLauncher): (pid: number) => boolean {
  const family = familyOf(socketPath)
  return (pid) => {
    const mark = markIn(textOf(pid, 'limits'))
    return mark?.family === family && mark.launcher === launcher && isAlive(pid)
  }
}

function byVariable({ socketPath, pid: launcher }: DeadLauncher): (pid: number) => boolean {
  const entry = `${MARK_VARIABLE}=${markValue(socketPath, launcher)}`
  return (pid) => textOf(pid, 'environ').split('\0').includes(entry)
}

/** The dead stay until they are reaped; they need no second look. */
function isAlive(pid: number): boolean {
  return !/^\d+ \(.*\) [ZX]/s.test(textOf(pid, 'stat'))
}

function textOf(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'latin1')
  } catch {
    return ''
  }
}

function processes(): number[] {
  try {
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => pid > 1)
  } catch {
    return []
  }
}

function kill(pid: number): boolean {
  try {
    process.kill(pid, 'SIGKILL')
    return true
  } catch {
    return false
  }
}
