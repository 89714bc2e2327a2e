import { parseArgs } from 'node:util'
import { DrakkarError, type TopicPartition } from '../../model/index.ts'
import type { ControlRequest } from '../../ops/control/index.ts'
import type { CommandIo } from '../command-line.ts'
import { askAndTell, WORKER_OPTION, WORKER_USAGE } from './control/worker.ts'

interface Verb {
  readonly usage: string
  readonly says: string
  /** The request for the one argument of the command; throws a plain error that says what is wrong with it. */
  readonly request: (argument: string) => (by: string) => ControlRequest
}

const VERBS = {
  cancel: {
    usage: 'TASK',
    says: 'Ends a task, whether it runs or waits. Its verdict is `cancelled`: it is not tried again and its messages are\ndead-lettered, unless the handler’s `onError` says otherwise.\n\n  TASK               id of the task, as `drakkar status` and the log show it',
    request: (task) => (by) => ({ verb: 'cancel', task, by }),
  },
  set: {
    usage: 'max_executors=N',
    says: 'Changes how many tasks run at once, at once and without a rebalance; the next start has what is configured.',
    request: (argument) => {
      const count = /^max_executors=(\d{1,9})$/.exec(argument)?.[1]
      if (count === undefined) throw new Error(`\`${argument}\` is no setting; what can be set is max_executors=N`)
      return (by) => ({ verb: 'set', max_executors: Number(count), by })
    },
  },
  pause: {
    usage: 'TOPIC/PARTITION',
    says: 'Takes in nothing more of a partition; what is in flight goes on. It lasts until `drakkar resume`, or until the\npartition is assigned anew.',
    request: (argument) => atPartition('pause', argument),
  },
  resume: {
    usage: 'TOPIC/PARTITION',
    says: 'Ends a `drakkar pause`.',
    request: (argument) => atPartition('resume', argument),
  },
} as const satisfies Record<string, Verb>

function atPartition(verb: 'pause' | 'resume', argument: string): (by: string) => ControlRequest {
  const [, topic, partition] = /^(.+)[/:](\d{1,9})$/.exec(argument) ?? []
  if (topic === undefined) throw new Error(`\`${argument}\` is no partition; write it as TOPIC/PARTITION`)
  const at: TopicPartition = { topic, partition: Number(partition) }
  return (by) => ({ verb, at, by })
}

/** `drakkar cancel`, `set`, `pause` and `resume`: one request to one worker. */
export function steerCommand(name: keyof typeof VERBS): (args: readonly string[], io: CommandIo) => Promise<number> {
  const { usage, says, request }: Verb = VERBS[name]
  const text = `Usage: drakkar ${name} ${usage} [--worker NAME]\n\n${says}\n${name === 'cancel' ? '' : '\n'}${WORKER_USAGE}\n\nExit status: 0 done · 1 the worker refused · 2 wrong usage · 3 no worker answers\n`
  return async (args, io) => {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { worker: WORKER_OPTION, help: { type: 'boolean', short: 'h' } },
    })
    if (values.help === true) {
      io.stdout.write(text)
      return 0
    }
    const [argument, ...more] = positionals
    if (argument === undefined || more.length > 0)
      throw new DrakkarError('USAGE', `\`${name}\` takes one argument: ${usage}`, { advice: text })
    return askAndTell(values.worker, parsed(request, argument, text), io)
  }
}

function parsed(request: Verb['request'], argument: string, advice: string): ReturnType<Verb['request']> {
  try {
    return request(argument)
  } catch (error) {
    throw new DrakkarError('USAGE', (error as Error).message, { advice })
  }
}
