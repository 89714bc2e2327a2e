import { readdirSync, readFileSync } from 'node:fs'
import { cpus } from 'node:os'

/** Kernel ticks per second; 100 on every Linux that Node runs on. */
const TICK = 100

/** CPU seconds of one process: its own threads, and the children that it has reaped. */
export interface ProcessCpu {
  readonly parent: number
  readonly own: number
  readonly reaped: number
}

/** Null where the process is gone. */
export function processCpu(pid: number): ProcessCpu | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const at = (index: number): number => Number(fields[index]) / TICK
    return { parent: Number(fields[1]), own: at(11) + at(12), reaped: at(13) + at(14) }
  } catch {
    return null
  }
}

/** CPU seconds of the main thread, exact to the nanosecond. */
export function mainThreadCpu(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'latin1').split(' ')[0]) / 1e9
  } catch {
    return 0
  }
}

/** A line of `/proc/PID/status`, bytes; 0 where the process is gone. */
export function memory(pid: number, line: 'VmHWM' | 'VmRSS'): number {
  try {
    const found = new RegExp(`^${line}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'latin1'))
    return Number(found?.[1] ?? 0) * 1024
  } catch {
    return 0
  }
}

/** Children of a process, their children, and so on, alive or zombies. */
export function descendantsOf(pid: number): number[] {
  const byParent = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    const child = Number(name)
    const parent = Number.isInteger(child) ? processCpu(child)?.parent : undefined
    if (parent !== undefined) byParent.set(parent, [...(byParent.get(parent) ?? []), child])
  }
  const found: number[] = []
  for (const left = [pid]; left.length > 0; ) {
    const children = byParent.get(left.pop() as number) ?? []
    found.push(...children)
    left.push(...children)
  }
  return found
}

/** CPU seconds that the whole machine was busy. */
export function machineBusy(): number {
  const fields = readFileSync('/proc/stat', 'latin1').split('\n', 1)[0]?.split(/\s+/).slice(1, 9).map(Number) ?? []
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = fields
  return (user + nice + system + irq + softirq + steal) / TICK
}

/** Load average of the last minute. */
export function load(): number {
  return Number(readFileSync('/proc/loadavg', 'latin1').split(' ')[0])
}

/** The machine, in one line. */
export function machine(): string {
  const [first] = cpus()
  return `${cpus().length} CPUs (${first?.model.trim() ?? 'unknown'}), Node ${process.version}`
}
