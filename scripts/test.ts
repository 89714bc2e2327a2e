// The gate. `npm test` runs the quick one; `npm test -- src/flow/ledger` only those tests; `npm test -- --services` what needs
// a real Kafka broker; `npm test -- --checks` everything but the tests.
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { countsLine, readCounts } from './gate/counts.ts'
import { runStep, type Step, type StepResult } from './gate/step.ts'
import { table } from './gate/table.ts'

const ROOT = join(import.meta.dirname, '..')
const QUICK = ['unit', 'flow', 'sim', 'process']

const args = process.argv.slice(2)
const steps = choose()
const results: StepResult[] = []
for (const step of steps) results.push(await runStep(ROOT, step))
process.stdout.write(`${table(results)}\n`)
process.exitCode = results.every(({ ok }) => ok) ? 0 : 1

function choose(): readonly Step[] {
  if (args.includes('--checks')) return checks()
  if (args.includes('--services')) return [tests('services', ['services'], rest())]
  if (rest().length > 0) return [tests('quick', QUICK, rest())]
  return [...checks(), tests('quick', QUICK, [])]
}

function rest(): readonly string[] {
  return args.filter((arg) => arg !== '--services')
}

/** The `check:*` lines of package.json, in their order there: fast ones first. */
function checks(): readonly Step[] {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>
  }
  return ['format', 'lint', 'types', 'layers', 'unused'].map((name) => {
    const command = scripts[`check:${name}`]
    if (command === undefined) throw new Error(`package.json has no script check:${name}`)
    return { name, command, live: false }
  })
}

function tests(suite: string, projects: readonly string[], more: readonly string[]): Step {
  const report = join(ROOT, '.cache', `tests-${suite}.json`)
  rmSync(report, { force: true })
  const words = [
    'vitest run',
    ...projects.map((project) => `--project ${project}`),
    `--reporter=default --reporter=json --outputFile.json='${report}'`,
    ...more.map((word) => `'${word.replaceAll("'", "'\\''")}'`),
  ]
  return { name: `tests (${suite})`, command: words.join(' '), live: true, note: () => countsLine(readCounts(report)) }
}
