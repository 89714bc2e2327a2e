// `npm run demo`: starts a Kafka and a worker, sends searches, shows how they flow, and checks what came of them.
import process from 'node:process'
import { optionsOf, USAGE, UsageError } from './director/options.ts'

// Each Kafka client here holds a thread of libuv's pool while it waits; read once, when the pool is first used.
process.env['UV_THREADPOOL_SIZE'] ??= '8'

const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

async function main(args: readonly string[]): Promise<number> {
  const options = optionsOf(args)
  if (options === null) {
    process.stdout.write(USAGE)
    return 0
  }
  const { Demo, DemoError } = await import('./director/run.ts')
  const { Screen } = await import('./director/screen.ts')
  const { Tracker } = await import('./director/tracker.ts')
  const interrupt = new AbortController()
  let status = 1
  for (const [signal, code] of Object.entries(SIGNALS)) {
    process.once(signal, () => {
      status = code
      interrupt.abort()
    })
  }
  const tracker = new Tracker()
  const screen = new Screen(process.stdout, process.env, () => tracker.moment())
  const demo = new Demo(options, screen, tracker, interrupt.signal)
  screen.say(
    '',
    `  ${screen.paint.bold('Drakkar')}   ${options.requests.toLocaleString('en-US')} searches in texts, each one a run of grep`,
  )
  screen.start()
  try {
    return (await demo.run()) ? 0 : 1
  } catch (error) {
    screen.stop('keep')
    const reason = error instanceof DemoError ? error.message : error instanceof Error ? error.stack : String(error)
    process.stderr.write(`\n  ${interrupt.signal.aborted ? 'Interrupted.' : `The demo failed: ${reason}`}\n`)
    return status
  } finally {
    screen.stop('wipe')
    await demo.cleanUp()
  }
}

let status: number
try {
  status = await main(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  process.stderr.write(`demo: ${error.message}\n\n${USAGE}`)
  status = 2
}
// Handles of the native client may outlive their use.
process.exit(status)
