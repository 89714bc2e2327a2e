// A worker that starts tasks of all kinds without an end, says what runs, and `lost` when a launcher is gone, and waits to be killed.
import { discardFiles } from '../../src/flow/executor/index.ts'
import type { TaskOptions } from '../../src/model/index.ts'
import { bench, type LauncherUnderTest, markedProcesses, until } from '../process/launcher-kit.ts'

const options = JSON.parse(process.env['DRAKKAR_TEST_LAUNCHER'] ?? '{}') as LauncherUnderTest['options']
const mark = process.env['DRAKKAR_TEST_MARK'] ?? ''
const where = process.env['DRAKKAR_TEST_FOLDER'] ?? ''
const places = { spillFolder: where, scratchFolder: where, maxStdoutBytes: 100, onOutputCap: 'spill' as const }
const one = await bench({ ...places, env: { DRAKKAR_TEST_MARK: mark } }, { ...options, count: 2 })

const sh = (script: string, more: TaskOptions = {}): TaskOptions => ({ args: ['-c', script], ...more })
const TREE = 'trap "" TERM; sleep 600 & (trap "" TERM; sleep 600 & wait) & wait'
const tasks: readonly TaskOptions[] = [
  sh('exit 0'),
  sh(TREE, { timeoutMs: 200, graceMs: 50, scratch: true }),
  sh('head -c 100000 /dev/zero', { scratch: true }),
  sh('sleep 600 & echo done'),
  ...(options.kind === 'native'
    ? [sh('(setsid sh -c "sleep 600 & wait" </dev/null >/dev/null 2>&1 &); sleep 0.1')]
    : []),
]
let started = 0
const lane = async (): Promise<void> => {
  for (;;) {
    const outcome = await one.run(tasks[started++ % tasks.length] as TaskOptions)
    await discardFiles(outcome)
  }
}
for (let count = 0; count < 6; count += 1) void lane()
await until('tasks of all kinds run', () => started > 20 && markedProcesses(mark).length > 4)
process.stdout.write(`${JSON.stringify({ launchers: one.launcherPids() })}\n`)
await until('a launcher is lost', () => one.events.some(({ type }) => type === 'launcher_lost'), 600_000)
process.stdout.write('lost\n')
