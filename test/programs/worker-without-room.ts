// A worker that runs many tasks at once where there is room for few, and says how they ended, `{ "ok": 60, "launch-failed EMFILE": 40 }`,
// and how one more ended afterwards.
import { bench, type LauncherUnderTest } from '../process/launcher-kit.ts'

const options = JSON.parse(process.env['DRAKKAR_TEST_LAUNCHER'] ?? '{}') as LauncherUnderTest['options']
await using one = await bench({}, { ...options, count: 1 })
const outcomes = await Promise.all(Array.from({ length: 100 }, () => one.run({ binary: 'sleep', args: ['0.5'] })))
const ends: Record<string, number> = {}
for (const { verdict, errno } of outcomes) {
  const end = errno === undefined ? verdict : `${verdict} ${errno}`
  ends[end] = (ends[end] ?? 0) + 1
}
const { verdict } = await one.run({ binary: 'true' })
process.stdout.write(`${JSON.stringify({ ends, afterwards: verdict })}\n`)
