import { lstat, readdir, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { ALIVE, type Machine, machineOf, thisMachine } from './folder-name.ts'

/** A folder without its socket may be one that is just being made. */
const YOUNG_MS = 60_000

/**
 * Whether the name alone tells that the worker of a folder is gone: `gone` (this host, before its last start), `ask` its socket
 * (this start of this machine, in whatever container), `leave` (another machine that shares the folder).
 */
export function judge(name: string, here: Machine): 'gone' | 'ask' | 'leave' {
  const maker = machineOf(name)
  if (maker === null) return 'leave'
  if (maker.boot === here.boot) return 'ask'
  return maker.host === here.host ? 'gone' : 'leave'
}

/** Removes the folders that workers of this user have left in `base` because they were killed. What it removed. */
export async function sweep(base: string): Promise<string[]> {
  const here = thisMachine()
  const removed: string[] = []
  for (const name of await readdir(base).catch(() => [])) {
    const verdict = judge(name, here)
    const path = join(base, name)
    if (verdict === 'leave' || !(await isOwn(path))) continue
    if (verdict === 'ask' && (await isInUse(path))) continue
    await rm(path, { recursive: true, force: true }).catch(() => undefined)
    removed.push(path)
  }
  return removed
}

async function isOwn(path: string): Promise<boolean> {
  const stat = await lstat(path).catch(() => null)
  return stat?.isDirectory() === true && stat.uid === process.getuid?.()
}

function isInUse(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(join(path, ALIVE))
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') resolve(false)
      else if (error.code === 'ENOENT') isYoung(path).then(resolve, () => resolve(true))
      else resolve(true)
    })
  })
}

async function isYoung(path: string): Promise<boolean> {
  return Date.now() - (await lstat(path)).mtimeMs < YOUNG_MS
}
