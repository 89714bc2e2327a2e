// A worker that runs four process trees which end for nobody, says `running <pids>`, and waits to be killed.
import { bench, type LauncherUnderTest, markedProcesses, until } from '../process/launcher-kit.ts'

const options = JSON.parse(process.env['DRAKKAR_TEST_LAUNCHER'] ?? '{}') as LauncherUnderTest['options']
const one = await bench({ env: { DRAKKAR_TEST_MARK: process.env['DRAKKAR_TEST_MARK'] ?? '' } }, options)
const mark = process.env['DRAKKAR_TEST_MARK'] ?? ''
const tree = 'trap "" TERM; sleep 600 & (trap "" TERM; sleep 600 & wait) & wait'
for (let count = 0; count < 4; count += 1) void one.sh(tree)
const tasks = (): number[] =>
  markedProcesses(mark).filter((pid) => pid !== process.pid && !one.launcherPids().includes(pid))
await until('four trees of four run', () => tasks().length === 16)
process.stdout.write(`${JSON.stringify({ launchers: one.launcherPids(), tasks: tasks() })}\n`)
