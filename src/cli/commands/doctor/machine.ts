import { readFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import type { Config } from '../../../config/index.ts'
import { type Finding, ok, problem, warning } from './finding.ts'

const NEEDED_NODE = 24
/** Descriptors beside those of tasks and files: broker connections, the log, libraries, headroom. */
const OTHER_FILES = 200
/** Pipes of a running task. */
const FILES_OF_TASK = 4

export function nodeFindings(): readonly Finding[] {
  const { node, uv } = process.versions
  const says = `v${node} (${process.platform} ${process.arch}, libuv ${uv}), ${process.execPath}`
  if (Number.parseInt(node, 10) >= NEEDED_NODE) return [ok('Node', says)]
  return [problem('Node', says, `Install Node ${NEEDED_NODE} or newer: https://nodejs.org`)]
}

/** CPUs as this process may use them: affinity and the limits of its control group count. */
export function cpuFindings({ executor }: Config, usable: number = availableParallelism()): readonly Finding[] {
  const all = cpus().length
  const limited = usable < all ? ` of ${all} (affinity or the container's limit)` : ''
  const says = `${usable}${limited}; executor.max_executors is ${executor.maxExecutors}`
  if (executor.maxExecutors <= usable) return [ok('CPUs', says)]
  const advice =
    'More slots than CPUs do not make CPU-heavy programs faster; they do help programs that wait for disk or network. ' +
    `For CPU-heavy ones set executor.max_executors to ${usable}.`
  return [warning('CPUs', says, advice)]
}

/** The limit on open files, against what slots and sinks may need. */
export function openFileFindings({ executor, sinks }: Config, limits: string = ownLimits()): readonly Finding[] {
  const found = /^Max open files\s+(\S+)/m.exec(limits)?.[1]
  if (found === undefined) return []
  const limit = found === 'unlimited' ? Number.POSITIVE_INFINITY : Number(found)
  const files = Object.values(sinks.filesystem).reduce((sum, sink) => sum + sink.maxOpenFiles, 0)
  const needed = executor.maxExecutors * FILES_OF_TASK + files + OTHER_FILES
  const says = `at most ${found}; this configuration may need ${needed}`
  if (limit >= needed) return [ok('open files', says)]
  return [
    warning('open files', says, `Raise it: \`ulimit -n ${needed}\`, LimitNOFILE= of the unit, or --ulimit nofile=.`),
  ]
}

function ownLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8')
  } catch {
    return ''
  }
}
