import type { Config } from './config.ts'
import type { Problem } from './problem.ts'

/** Whether results go out in transactions with the offsets. */
export function hasTransactions({ sinks }: Pick<Config, 'sinks'>): boolean {
  return Object.values(sinks.kafka).some(({ transactional }) => transactional)
}

/** What transactional sinks need of other settings. */
export function transactionRules(config: Config): Problem[] {
  const { sinks, kafka, delivery } = config
  const named = Object.entries(sinks.kafka).filter(([, { transactional }]) => transactional)
  const found: Problem[] = []
  const problem = (path: readonly string[], text: string): void => void found.push({ path: [...path], text })
  const [first] = named
  if (first === undefined) return found
  for (const [name, { brokers, compression }] of named) {
    const path = ['sinks', 'kafka', name]
    if (brokers !== '')
      problem(
        [...path, 'brokers'],
        `is "${brokers}": a transaction cannot span two clusters; leave it out, or set transactional to false there`,
      )
    if (compression !== first[1].compression)
      problem(
        [...path, 'compression'],
        `is ${compression}, and that of sinks.kafka.${first[0]} is ${first[1].compression}: transactional sinks share one producer, so give them the same`,
      )
  }
  if (delivery !== 'atomic')
    problem(
      ['delivery'],
      `is ${delivery}, and sinks.kafka.${first[0]} is transactional: the results of a message can only go out together; write atomic, or leave it out`,
    )
  const isolation = kafka.clientConfig['isolation.level']
  if (isolation !== undefined && isolation !== 'read_committed')
    problem(
      ['kafka', 'client_config', 'isolation.level'],
      `is ${isolation}, and sinks.kafka.${first[0]} is transactional: a new owner would start from offsets that are not decided yet; leave it out`,
    )
  return found
}
