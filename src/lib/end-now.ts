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
  try {
    process.execve?.(process.execPath, [process.execPath, '-e', `process.exit(${status})`], ofBareNode(process.env))
  } catch {
    // What cannot be replaced is ended as usual.
  }
  return exit(status)
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
