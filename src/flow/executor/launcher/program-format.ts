import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Where the kernel is told of further formats (another architecture through an emulator, jar files, …). */
const BINFMT = '/proc/sys/fs/binfmt_misc'
const REMEMBERED = 256

/** ELF `e_machine` of what this machine runs by itself. */
const MACHINES: Readonly<Record<string, readonly number[]>> = { x64: [62, 3], arm64: [183, 40] }

/**
 * True where the kernel can execute what begins with these bytes. The C library's answer to what it cannot is to feed
 * the file to /bin/sh, which turns a damaged or foreign binary into some exit code of the shell.
 */
export function isExecutableFormat(head: Buffer, arch: string): boolean {
  if (head.length >= 2 && head[0] === 0x23 && head[1] === 0x21) return true
  if (head.length < 20 || head.readUInt32BE(0) !== 0x7f454c46) return false
  const machines = MACHINES[arch]
  if (machines === undefined) return true
  const machine = head[5] === 2 ? head.readUInt16BE(18) : head.readUInt16LE(18)
  return machines.includes(machine)
}

function hasFurtherFormats(): boolean {
  try {
    return readdirSync(BINFMT).some((name) => name !== 'register' && name !== 'status')
  } catch {
    return false
  }
}

/** The file that a launch would take: the path itself, or the first match on PATH. Null where there is none. */
export function resolveProgram(program: string, path: string | undefined, cwd: string): string | null {
  if (program.includes('/')) return program.startsWith('/') || cwd === '' ? program : join(cwd, program)
  for (const folder of (path ?? '/usr/local/bin:/bin:/usr/bin').split(delimiter)) {
    const candidate = join(folder === '' ? '.' : folder, program)
    if (statSync(candidate, { throwIfNoEntry: false })?.isFile()) return candidate
  }
  return null
}

const known = new Map<string, { readonly stamp: string; readonly executable: boolean }>()

/**
 * True where launching the program would hand it to /bin/sh because it is no executable format. Everything else
 * (missing, no permission) is left to the launch itself. Costs one stat per launch; the file is read when it changed.
 */
export function isForeignFormat(program: string, path: string | undefined, cwd: string): boolean {
  if (process.platform !== 'linux') return false
  try {
    const file = resolveProgram(program, path, cwd)
    if (file === null) return false
    const stat = statSync(file)
    if (!stat.isFile()) return false
    const stamp = `${stat.ino} ${stat.size} ${stat.mtimeMs}`
    const before = known.get(file)
    if (before?.stamp === stamp) return !before.executable
    const executable = isExecutableFormat(readHead(file), process.arch) || hasFurtherFormats()
    if (known.size >= REMEMBERED) known.clear()
    known.set(file, { stamp, executable })
    return !executable
  } catch {
    // Not readable (execute-only binaries are legal): the launch decides.
    return false
  }
}

function readHead(file: string): Buffer {
  const fd = openSync(file, 'r')
  try {
    const head = Buffer.alloc(20)
    return head.subarray(0, readSync(fd, head, 0, 20, 0))
  } finally {
    closeSync(fd)
  }
}
