// A worker with room for few descriptors that runs many tasks at once, and says how they ended: `{ "ok": 60, "EMFILE": 40 }`, and then
// how one more ended.
import { bench, type LauncherUnderTest } from '../process/launcher-kit.ts'

const options = JSON.parse(process.env['DRAKKAR_TEST_LAUNCHER'] ?? '{}') as LauncherUnderTest['options']
await using one = await bench({}, { ...options, count: 1 })
const outcomes = await Promise.all(Array.from({ length: 100 }, () => one.sh('sleep 0.5; echo done')))
const ends: Record<string, number> = {}
for (const { verdict, errno, stdout } of outcomes) {
  const end = verdict === 'ok' && stdout.toString() === 'done\n' ? 'ok' : `${verdict} ${errno ?? ''}`
  ends[end] = (ends[end] ?? 0) + 1
}
const { verdict } = await one.sh('exit 0')
process.stdout.write(`${JSON.stringify({ ends, afterwards: verdict })}\n`)
