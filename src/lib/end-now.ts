import { accessSync, constants } from 'node:fs'

/**
 * Ends the process with this status at once. `process.exit` waits for the threads of native modules; those of a Kafka client
 * whose brokers are gone have been seen to wait for more than a minute. So the process becomes a Node that only exits.
 * Listeners of `exit` are called first. Where the platform cannot do that (Windows, a permission model), it is `process.exit`.
 */
export function endNow(status: number, exit: (status: number) => never = (code) => process.exit(code)): never {
  process.exitCode = status
  try {
    process.emit('exit', status)
  } catch {
    // A listener that throws must not keep the process.
  }
  // This Node; on Linux also where an upgrade removed its file meanwhile.
  const program = ['/proc/self/exe', process.execPath].find(isExecutable)
  try {
    if (program !== undefined)
      process.execve?.(program, [process.execPath, '-e', `process.exit(${status})`], ofBareNode(process.env))
  } catch {
    // What cannot be replaced is ended as usual.
  }
  return exit(status)
}

/** Node does not throw where it cannot execute a program: it aborts, with a status and a trace of its own. */
function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/**
 * What this Node may need to start at all (a path of its libraries, its ICU data), without what lets a Node do more than it
 * is told: preloaded modules, coverage, a cache of compiled code, messages.
 */
function ofBareNode(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !name.startsWith('NODE_') || name === 'NODE_ICU_DATA'),
  )
}
