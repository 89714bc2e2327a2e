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

/**
 * Ends what a native launcher that died has left to init: everything on this machine that carries its mark, in whatever
 * session. How many that were.
 */
export function endMarked(socketPath: string, launcher: number): number {
  const family = familyOf(socketPath)
  let ended = 0
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const hits = processes().filter((pid) => isMarked(pid, family, launcher) && kill(pid)).length
    if (hits === 0) break
    ended += hits
  }
  return ended
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

function isMarked(pid: number, family: number, launcher: number): boolean {
  try {
    const mark = markIn(readFileSync(`/proc/${pid}/limits`, 'latin1'))
    if (mark?.family !== family || mark.launcher !== launcher) return false
    // The dead stay until they are reaped; they need no second look.
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
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
