import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import { Socket } from 'node:net'
import type { StartPart } from './frames.ts'
import { type Dial, SETTINGS, type Setting, type StartFrame } from './start-frame.ts'

/** A start that was refused before the program was tried. */
export class PartRefused extends Error {
  readonly code: string
  readonly part: StartPart

  constructor(code: string, part: StartPart) {
    super(`${part}: ${code}`)
    this.code = code
    this.part = part
  }
}

/** Makes the connection that becomes a program's stdin and stdout, says hello on it, and reads nothing of it. */
export function dial(to: Dial, answer: (error: NodeJS.ErrnoException | null, socket: Socket) => void): void {
  const socket = new Socket()
  // What the other end says is for the program.
  socket.pause()
  let answered = false
  const once = (error: NodeJS.ErrnoException | null): void => {
    if (answered) return
    answered = true
    if (error !== null) socket.destroy()
    answer(error, socket)
  }
  socket.on('error', once)
  socket.connect(to.path, () => {
    if (to.hello.length === 0) return once(null)
    socket.write(to.hello, (error) => once(error ?? null))
  })
}

/** Starts the program of a start; throws what cannot be. `connection`: its stdin and stdout, where it has one. */
export function spawnProgram(start: StartFrame, env: NodeJS.ProcessEnv, connection: Socket | null): ChildProcess {
  const settings = settingsOf(start.settings ?? [])
  const file = start.stdinFile === undefined ? -1 : openStdin(start.stdinFile)
  const before = settings.umask === null ? 0 : process.umask(settings.umask)
  try {
    return spawn(start.program, start.args, {
      detached: true,
      env,
      stdio: [
        connection ?? (file >= 0 ? file : start.stdin === null ? 'ignore' : 'pipe'),
        connection ?? 'pipe',
        'pipe',
      ],
      ...(start.cwd === '' ? {} : { cwd: start.cwd }),
      ...settings.identity,
    })
  } finally {
    if (settings.umask !== null) process.umask(before)
    if (file >= 0) closeSync(file)
  }
}

/** Not blocking while it is opened: a pipe that nobody writes to would stop this launcher. */
function openStdin(path: string): number {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
    const stat = fstatSync(fd)
    if (stat.isFile() || stat.isCharacterDevice()) return fd
    closeSync(fd)
    throw new PartRefused(stat.isDirectory() ? 'EISDIR' : 'ESPIPE', 'stdin')
  } catch (error) {
    throw error instanceof PartRefused
      ? error
      : new PartRefused((error as NodeJS.ErrnoException).code ?? 'EIO', 'stdin')
  }
}

interface NodeSettings {
  readonly umask: number | null
  readonly identity: Pick<SpawnOptions, 'uid' | 'gid'>
}

/** Resource limits and niceness cannot be set between the fork and the program here, and later would be too late. */
function settingsOf(settings: readonly Setting[]): NodeSettings {
  const identity: { uid?: number; gid?: number } = {}
  let umask: number | null = null
  for (const [what, value] of settings) {
    if (what === SETTINGS.umask) umask = value
    else if (what === SETTINGS.user) identity.uid = value
    else if (what === SETTINGS.group) identity.gid = value
    else throw new PartRefused('ENOSYS', 'limits')
  }
  return { umask, identity }
}
