// The entry of the `drakkar` command; containers and service units start it directly: node …/dist/cli/main.js run handler.ts
import process from 'node:process'
import { forgetStart, startAgain } from './start-again.ts'

const again = startAgain(process)
if (again !== null) {
  try {
    process.execve?.(process.execPath, again.argv, again.env)
  } catch {
    // A Node with a permission model may not: the worker runs all the same, with more memory.
  }
}
forgetStart(process.env)

// Each consumer holds one thread of libuv's pool while it waits; read once, when the pool is first used.
process.env['UV_THREADPOOL_SIZE'] ??= '8'

const { main } = await import('./command-line.ts')
const { endNow } = await import('../lib/index.ts')
const { stdin, stdout, stderr, env } = process
const status = await main(process.argv.slice(2), { stdin, stdout, stderr, env })

// Handles of the native client may outlive their use; a command that has its status is over. What failed may have left
// more behind than handles, such as a client that waits for brokers that are gone.
await Promise.all([stdout, stderr].map((stream) => new Promise((written) => stream.write('', written))))
if (status === 0) process.exit()
endNow(status)
