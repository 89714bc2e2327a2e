import {
  type Actor,
  type Announce,
  type Answered,
  type Control,
  type KeptView,
  partitionKey,
  type TopicPartition,
} from '../../model/index.ts'
import type { Executor } from '../executor/index.ts'
import type { Source } from '../source/index.ts'
import type { Flow } from './flow.ts'
import type { IntakeOptions } from './intake.ts'

export interface ControlParts {
  readonly flow: Flow
  readonly executor: Executor
  readonly source: Pick<Source, 'pause' | 'resume' | 'partitions'>
  readonly announce: Announce
  /** The marks of backpressure as they were configured, for the slots that there were then. */
  readonly intake: IntakeOptions
}

type Verb = 'cancel' | 'set' | 'pause' | 'resume'

/** What an operator may ask, carried out and audited. */
export function createControl(parts: ControlParts): Control {
  const { flow, executor, source, announce, intake } = parts
  const slotsThen = executor.slots
  const audited = (verb: Verb, by: Actor, what: string, answered: Answered): Answered => {
    announce({ type: 'control', verb, by, what, ok: answered.ok, said: answered.ok ? answered.said : answered.why })
    return answered
  }
  const onPartition = (verb: 'pause' | 'resume', at: TopicPartition, by: Actor): Answered => {
    const owned = source.partitions().find(({ assignment }) => partitionKey(assignment) === partitionKey(at))
    const name = `${at.topic}/${at.partition}`
    if (owned === undefined) return audited(verb, by, name, refused(`${name} is not assigned to this worker`))
    source[verb](owned.assignment, 'operator')
    const said =
      verb === 'pause'
        ? `${name} is paused: nothing more is taken in, what is in flight goes on`
        : `${name} is not paused by an operator any more`
    return audited(verb, by, name, done(said))
  }
  return {
    cancelTask: (id, by) => audited('cancel', by, id, CANCELLED[flow.cancelTask(id)](id)),
    setMaxExecutors(count, by) {
      if (!Number.isInteger(count) || count < 1) {
        return audited('set', by, `max_executors=${count}`, refused('max_executors must be a whole number from 1'))
      }
      const before = executor.slots
      executor.setSlots(count)
      flow.setMarks(scaled(intake, count / slotsThen))
      const said = [`max_executors is ${count} now; it was ${before}`, ...executor.kept().map(followed)]
      return audited('set', by, `max_executors=${count}`, done(said.join('. ')))
    },
    pause: (at, by) => onPartition('pause', at, by),
    resume: (at, by) => onPartition('resume', at, by),
  }
}

const CANCELLED = {
  cancelled: (id: string) => done(`task ${id} is being ended; its verdict is \`cancelled\``),
  over: (id: string) => refused(`task ${id} has run already; its result is on its way to the sinks`),
  unknown: (id: string) => refused(`there is no task ${id} in flight here`),
}

const done = (said: string): Answered => ({ ok: true, said })
const refused = (why: string): Answered => ({ ok: false, why })

/** What a runner keeps: it has a new size, or the one that is configured. */
function followed({ runner, what, most, configured }: KeptView): string {
  if (configured) return `executor.${runner}.${what} is ${most} as configured, and does not follow`
  return `There may be ${most} ${what} of executor.${runner} now`
}

/** Messages follow the number of slots; bytes are memory and do not. */
function scaled(marks: IntakeOptions, factor: number): IntakeOptions {
  return {
    ...marks,
    highMessages: Math.max(1, Math.round(marks.highMessages * factor)),
    lowMessages: Math.max(1, Math.round(marks.lowMessages * factor)),
  }
}
