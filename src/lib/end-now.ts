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
    process.execve?.(process.execPath, [process.execPath, '-e', `process.exit(${status})`], {})
  } catch {
    // What cannot be replaced is ended as usual.
  }
  return exit(status)
}
