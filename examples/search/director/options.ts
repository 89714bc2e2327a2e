import { parseArgs } from 'node:util'

export const USAGE = `Usage: npm run demo [-- options]

Searches flow from a Kafka topic through a pool of grep processes into another
topic and into files; then everything is counted. Takes about half a minute.

  --requests N       how many searches; default 5000
  --brokers LIST     a real Kafka (host:port,…) instead of the embedded one;
                     topics are made for the run, and deleted after it
  --keep             keep the folder with texts, answers and the worker's log
                     (and the topics on a real Kafka)
  --help             this text

Exit status: 0 every request has exactly one answer or one dead letter ·
1 not so, or something failed · 2 wrong usage · 130 interrupted.
`

export interface Options {
  readonly requests: number
  /** Undefined: the embedded cluster. */
  readonly brokers: string | undefined
  readonly keep: boolean
}

/** What the embedded cluster holds for long enough: 5 MiB a partition. */
const MOST_EMBEDDED = 50_000
const LEAST = 100

/** Null where help is wanted. Throws a `UsageError` for the reader. */
export function optionsOf(args: readonly string[]): Options | null {
  const { values } = parse(args)
  if (values.help === true) return null
  const requests = Number(values.requests)
  if (!Number.isInteger(requests) || requests < LEAST) {
    throw new UsageError(`--requests ${values.requests}: a whole number from ${LEAST} is wanted`)
  }
  if (values.brokers === undefined && requests > MOST_EMBEDDED) {
    throw new UsageError(
      `--requests ${requests}: the embedded Kafka has room for ${MOST_EMBEDDED}; more needs --brokers`,
    )
  }
  return { requests, brokers: values.brokers, keep: values.keep }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        requests: { type: 'string', default: '5000' },
        brokers: { type: 'string' },
        keep: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

export class UsageError extends Error {}
