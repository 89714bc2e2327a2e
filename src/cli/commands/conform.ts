import { parseArgs } from 'node:util'
import { Probe, startLaunchers } from '../../flow/executor/index.ts'
import { systemClock as clock } from '../../lib/index.ts'
import { DrakkarError } from '../../model/index.ts'
import type { CommandIo } from '../command-line.ts'
import { type Check, type Examination, findingOf, type Sample } from './conform/check.ts'
import { GROUPS } from './conform/checks.ts'
import { type Finding, ok, warning } from './doctor/finding.ts'
import { lineOf } from './doctor/report.ts'

const USAGE = `Usage: drakkar conform [options] PROGRAM [-- ARGUMENTS]

Examines a program that is to run in executor.pool, rule by rule: it is started as a worker would start it, asked, and ended.
Where a rule is broken it shows what was sent and what came back.

  --protocol json|frames   default json
  --task JSON              a task for it, e.g. '{"args": ["-n"], "stdin": "text"}'; may be given several times. Default: an empty one
  --in-flight N            tasks that it gets at once; default 8. With 1, answers need no id
  --timeout SECONDS        longest wait for an answer; default 10

Exit status: 0 where every rule is kept, else 1.
`

const SHOWN = 12

/** `drakkar conform`: tells the author of a persistent program what is right and what is wrong with it. */
export async function conformCommand(args: readonly string[], io: CommandIo): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      protocol: { type: 'string', default: 'json' },
      task: { type: 'string', multiple: true, default: [] },
      'in-flight': { type: 'string', default: '8' },
      timeout: { type: 'string', default: '10' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help === true) {
    io.stdout.write(USAGE)
    return 0
  }
  const [program, ...programArgs] = positionals
  const { protocol } = values
  if (program === undefined) throw usage('there is no program to examine')
  if (protocol !== 'json' && protocol !== 'frames') throw usage(`--protocol is json or frames, not ${protocol}`)
  const limitMs = numberOf('--timeout', values.timeout) * 1000
  const inFlight = Math.ceil(numberOf('--in-flight', values['in-flight']))
  const samples = values.task.length === 0 ? [{ args: [] }] : values.task.map(sampleOf)
  const launchers = await startLaunchers({
    count: 1,
    env: io.env,
    clock,
    announce: () => undefined,
    failed: () => undefined,
  })
  const start = (): Promise<Probe> =>
    Probe.start({
      launchers,
      env: io.env,
      program,
      args: programArgs,
      protocol,
      maxAnswerBytes: 16_777_216,
      graceMs: Math.min(2_000, limitMs),
    })
  const seen = { tasks: 0, failed: 0, cancel: false }
  try {
    return await examine({ start, samples, inFlight, limitMs, seen }, [program, ...programArgs].join(' '), protocol, io)
  } finally {
    await launchers.stop()
  }
}

async function examine(examination: Examination, what: string, protocol: string, io: CommandIo): Promise<number> {
  const colour = io.stdout.isTTY === true && !io.env['NO_COLOR']
  const show = (finding: Finding): void => void io.stdout.write(lineOf(finding, colour))
  io.stdout.write(`drakkar conform: ${what} (${protocol})\n\n`)
  const broken: string[] = []
  const left: string[] = []
  const look = async (probe: Probe, check: Check): Promise<boolean> => {
    const from = check.name === 'start' ? 0 : probe.transcript.length
    const wrong = await check.run(probe, examination)
    const finding = findingOf(check, wrong)
    show(finding)
    if (wrong === null) return true
    if (finding.mark === 'problem') broken.push(check.name)
    for (const line of probe.transcript.slice(from).slice(-SHOWN)) io.stdout.write(`${' '.repeat(23)}${line}\n`)
    return false
  }
  for (const [at, group] of GROUPS.entries()) {
    const checks = group.filter(({ name }) => name !== 'cancel' || examination.seen.cancel)
    if (at > 0 && left.length > 0 && left.includes('task')) left.push(...checks.map(({ name }) => name))
    else left.push(...(await one(examination, checks, look)))
  }
  for (const finding of remarks(examination, left)) show(finding)
  io.stdout.write(`\n${summary(broken)}`)
  return broken.length === 0 ? 0 : 1
}

/** Looks at one process until a check fails; answers those that were not looked at. */
async function one(
  examination: Examination,
  checks: readonly Check[],
  look: (probe: Probe, check: Check) => Promise<boolean>,
): Promise<readonly string[]> {
  const probe = await examination.start()
  try {
    // What becomes of the first ping is the business of the first check.
    if (checks[0]?.name !== 'start') await probe.hear(examination.limitMs)
    for (const [at, check] of checks.entries()) {
      if (!(await look(probe, check))) return checks.slice(at + 1).map(({ name }) => name)
    }
    return []
  } finally {
    await probe.stop()
  }
}

function remarks({ seen }: Examination, left: readonly string[]): readonly Finding[] {
  const remarks: Finding[] = []
  if (left.length > 0) {
    const advice = 'They need what is broken: examine again when it is mended.'
    remarks.push(warning('not examined', left.join(', '), advice))
  } else if (!seen.cancel) {
    const says = 'it takes no `cancel`: a cancelled task ends its process, and what else is in flight there runs again'
    remarks.push(ok('cancel', says))
  }
  if (seen.failed > 0) {
    const says = `${seen.failed} of ${seen.tasks} tasks were answered with \`fail\``
    remarks.push(warning('samples', says, 'Give tasks that it can do: --task \'{"args": […], "stdin": "…"}\'.'))
  }
  return remarks
}

function summary(broken: readonly string[]): string {
  if (broken.length === 0) return 'It keeps every rule of the protocol.\n'
  return `${broken.length === 1 ? 'One rule is' : `${broken.length} rules are`} broken: ${broken.join(', ')}.\n`
}

function sampleOf(json: string): Sample {
  let sample: { readonly args?: unknown; readonly stdin?: unknown }
  try {
    sample = JSON.parse(json) as typeof sample
  } catch {
    throw usage(`--task is not JSON: ${json}`)
  }
  const { args = [], stdin } = sample
  const texts = Array.isArray(args) && args.every((arg) => typeof arg === 'string')
  if (!texts || (stdin !== undefined && typeof stdin !== 'string')) {
    throw usage(`--task needs {"args": [texts], "stdin": text}: ${json}`)
  }
  return { args, ...(stdin === undefined ? {} : { stdin }) }
}

function numberOf(name: string, text: string): number {
  const number = Number(text)
  if (!(number > 0)) throw usage(`${name} must be a number above 0, not ${text}`)
  return number
}

const usage = (what: string): DrakkarError => new DrakkarError('USAGE', what, { advice: USAGE })
