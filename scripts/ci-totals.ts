// Prints the sum of the test reports named as arguments; the last line of .ci/run.
import { countsLine, readCounts, sumCounts } from './gate/counts.ts'

const total = sumCounts(process.argv.slice(2).map(readCounts))
process.stdout.write(`${countsLine(total)}\n`)
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1
