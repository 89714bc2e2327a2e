import type { Heard, Probe } from '../../../flow/executor/index.ts'
import type { Finding } from '../doctor/finding.ts'
import { ok, problem, warning } from '../doctor/finding.ts'

/** A task that the program is asked to do. */
export interface Sample {
  readonly args: readonly string[]
  readonly stdin?: string
}

/** What the checks work with. */
export interface Examination {
  readonly start: () => Promise<Probe>
  readonly samples: readonly Sample[]
  readonly inFlight: number
  /** Longest wait for anything, milliseconds. */
  readonly limitMs: number
  /** Seen so far: answers with `fail`, and whether it takes `cancel`. */
  readonly seen: { tasks: number; failed: number; cancel: boolean }
}

/** One rule and how it is looked at: null where it is kept, else what is wrong. */
export interface Check {
  readonly name: string
  readonly kept: string
  readonly advice: string
  readonly run: (probe: Probe, examination: Examination) => Promise<string | null>
}

export const broken = (heard: Heard | null, wanted: string, limitMs: number): string => {
  if (heard === null) return `no ${wanted} within ${limitMs / 1000} s`
  if (heard.kind === 'violation') return `rule \`${heard.violation.rule}\`: it ${heard.violation.message}`
  if (heard.kind === 'ended' && heard.code === null && heard.signal === null) return heard.says
  if (heard.kind === 'ended') return `${heard.says} instead of the ${wanted}`
  return `something else instead of the ${wanted}: ${heard.kind}`
}

/** Sends a task and waits for its answer; null where it came as it should. */
export async function ask(
  probe: Probe,
  examination: Examination,
  name: string,
  sample: Sample,
  pieces = 1,
): Promise<string | null> {
  await send(probe, name, sample, pieces)
  return answer(probe, examination)
}

export async function send(probe: Probe, name: string, { args, stdin }: Sample, pieces = 1): Promise<number> {
  return probe.task({ id: name, args, env: {}, ...(stdin === undefined ? {} : { stdin: Buffer.from(stdin) }) }, pieces)
}

/** The end of one task; signs of life before it are fine, for as long as there may be silence. */
export async function answer(probe: Probe, { limitMs, seen }: Examination): Promise<string | null> {
  const end = performance.now() + limitMs
  for (let heard = await probe.hear(limitMs); ; heard = await probe.hear(end - performance.now())) {
    if (heard?.kind === 'sign' && performance.now() < end) continue
    if (heard?.kind !== 'answer') return broken(heard?.kind === 'sign' ? null : heard, 'answer', limitMs)
    seen.tasks += 1
    if (heard.answer.kind === 'fail') seen.failed += 1
    return null
  }
}

/** Null where it says nothing for a while. */
export async function quiet(probe: Probe, ms: number): Promise<string | null> {
  const heard = await probe.hear(ms)
  return heard === null ? null : broken(heard, 'silence', ms)
}

export function findingOf(check: Check, wrong: string | null): Finding {
  if (wrong === null) return ok(check.name, check.kept)
  // No fault of a program that gets one task at a time.
  const mark = check.name === 'at once' && wrong.startsWith('rule `id`') ? warning : problem
  return mark(check.name, wrong, check.advice)
}
