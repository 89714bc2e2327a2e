import { answer, ask, broken, type Check, quiet, send } from './check.ts'

const QUIET_MS = 150
const MANY = 200
const PIECES = 7
const LARGE = 'x'.repeat(1_048_576)
const TEXT = 'a "quoted" \\ text,\nwith a second line, a tab\t, ümläuts, 漢字 and 🛶'

/** On one process, in this order: each needs those before it. */
const BASIS: readonly Check[] = [
  {
    name: 'start',
    kept: 'it starts and answers the first ping',
    advice: 'Answer `ping` with `pong` and its id. Print to stderr whatever is not an answer.',
    run: async (probe, { limitMs, seen }) => {
      const heard = await probe.hear(limitMs)
      if (heard?.kind !== 'pong') return broken(heard, 'pong', limitMs)
      seen.cancel = heard.cancel
      return null
    },
  },
  {
    name: 'silence',
    kept: 'it says nothing before it is asked',
    advice: 'Write only answers to stdout, and only to requests.',
    run: (probe) => quiet(probe, QUIET_MS),
  },
  {
    name: 'task',
    kept: 'it answers a task, once',
    advice: 'Write one `ok` or `fail` with the id of the task, and flush it.',
    run: async (probe, examination) => {
      for (const [at, sample] of examination.samples.entries()) {
        const wrong = await ask(probe, examination, `sample-${at}`, sample)
        if (wrong !== null) return wrong
      }
      return quiet(probe, QUIET_MS)
    },
  },
  {
    name: 'text',
    kept: 'it takes quotes, newlines and any characters in arguments and stdin',
    advice: 'Parse the request as JSON and write answers as JSON; `fail` is a good answer to what makes no sense.',
    run: (probe, examination) => ask(probe, examination, 'text', { args: [TEXT, ''], stdin: TEXT }),
  },
  {
    name: 'large',
    kept: 'it takes a request of 1 MiB',
    advice: 'Read whole lines (or frames), however long they are.',
    run: (probe, examination) => ask(probe, examination, 'large', { args: [], stdin: LARGE }),
  },
  {
    name: 'pieces',
    kept: 'it takes requests that come in pieces',
    advice: 'A read may end anywhere: read on until the line (or frame) is whole.',
    run: (probe, examination) => ask(probe, examination, 'pieces', { args: ['a', 'b'], stdin: TEXT }, PIECES),
  },
]

const AT_ONCE: readonly Check[] = [
  {
    name: 'at once',
    kept: 'it takes several requests that come at once',
    advice: 'Give each answer the id of its task; or set in_flight: 1 and examine with --in-flight 1.',
    run: async (probe, examination) => {
      for (let task = 0; task < examination.inFlight; task += 1) {
        await send(probe, `at-once-${task}`, sampleOf(examination.samples, task))
      }
      for (let task = 0; task < examination.inFlight; task += 1) {
        const wrong = await answer(probe, examination)
        if (wrong !== null) return wrong
      }
      return quiet(probe, QUIET_MS)
    },
  },
]

const LIFE: readonly Check[] = [
  {
    name: 'many',
    kept: `it stays for ${MANY} tasks`,
    advice: 'A process ends when it is told bye or its stdin ends, not before.',
    run: async (probe, examination) => {
      for (let task = 0; task < MANY; task += 1) {
        const wrong = await ask(probe, examination, `many-${task}`, sampleOf(examination.samples, task))
        if (wrong !== null) return `at task ${task + 1} of ${MANY}: ${wrong}`
      }
      return quiet(probe, QUIET_MS)
    },
  },
  {
    name: 'ping',
    kept: 'it answers a ping between tasks',
    advice: 'Answer every `ping` with `pong` and its id.',
    run: async (probe, { limitMs }) => {
      probe.ping()
      const heard = await probe.hear(limitMs)
      return heard?.kind === 'pong' ? null : broken(heard, 'pong', limitMs)
    },
  },
  {
    name: 'cancel',
    kept: 'a cancelled task is answered soon',
    advice: 'Answer a cancelled task with anything, or take `"cancel": true` out of the pong.',
    run: async (probe, examination) => {
      const id = await send(probe, 'cancelled', sampleOf(examination.samples, 0))
      probe.cancel(id)
      const { failed } = examination.seen
      const wrong = await answer(probe, examination)
      examination.seen.failed = failed
      return wrong ?? quiet(probe, QUIET_MS)
    },
  },
  {
    name: 'bye',
    kept: 'it ends with exit code 0 when it is told bye, and writes nothing more',
    advice: 'Leave the loop at `bye`; it needs no answer.',
    run: async (probe, { limitMs }) => {
      probe.bye()
      return endOf(await probe.hear(limitMs), limitMs)
    },
  },
]

const END_OF_INPUT: readonly Check[] = [
  {
    name: 'end of input',
    kept: 'it ends when its stdin ends',
    advice: 'Leave the loop when a read finds the end of stdin: a worker that dies can say no bye.',
    run: async (probe, { limitMs }) => {
      probe.endInput()
      const heard = await probe.hear(limitMs)
      return heard?.kind === 'ended' ? null : broken(heard, 'end', limitMs)
    },
  },
]

const SIGTERM: readonly Check[] = [
  {
    name: 'SIGTERM',
    kept: 'it ends on SIGTERM',
    advice: 'Do not ignore SIGTERM: SIGKILL follows, after executor.kill_grace_seconds.',
    run: async (probe, { limitMs }) => {
      probe.terminate()
      const heard = await probe.hear(2 * limitMs)
      if (heard?.kind !== 'ended') return broken(heard, 'end', limitMs)
      return heard.signal === 'SIGKILL' ? 'it went on after SIGTERM and was ended by SIGKILL' : null
    },
  },
]

/** Each group on a process of its own; where the first is not kept there is no use in the others. */
export const GROUPS: readonly (readonly Check[])[] = [BASIS, AT_ONCE, LIFE, END_OF_INPUT, SIGTERM]

function sampleOf<T>(samples: readonly T[], at: number): T {
  return samples[at % samples.length] as T
}

function endOf(heard: Parameters<typeof broken>[0], limitMs: number): string | null {
  if (heard?.kind !== 'ended') return broken(heard, 'end', limitMs)
  return heard.code === 0 ? null : heard.says
}
