import { reservedFor } from './client-properties.ts'
import type { Config } from './config.ts'
import type { Problem } from './problem.ts'
import { transactionRules } from './transactions.ts'
import type { Path } from './tree.ts'

/** What settings of several places must hold together; each says what to change. */
export function brokenRules(config: Config): Problem[] {
  return [
    ...groupRules(config),
    ...topicRules(config),
    ...poolRules(config),
    ...clientRules(config),
    ...transactionRules(config),
  ]
}

const problem = (path: string, text: string, beside = ''): Problem => ({
  path: path.split('.'),
  text,
  beside: beside.split('.'),
})

function groupRules({ sources: { kafka }, executor }: Config): Problem[] {
  const found: Problem[] = []
  const { sessionTimeoutMs, heartbeatIntervalMs, maxPollIntervalMs } = kafka
  if (!kafka.enabled) {
    found.push(problem('sources.kafka.enabled', 'is false, and no other source is configured: nothing would come in'))
  }
  if (heartbeatIntervalMs >= sessionTimeoutMs) {
    found.push(
      problem(
        'sources.kafka.heartbeat_interval_ms',
        `is ${heartbeatIntervalMs}; it must be below session_timeout_ms (${sessionTimeoutMs}), best a third of it`,
        'sources.kafka.session_timeout_ms',
      ),
    )
  }
  if (maxPollIntervalMs < sessionTimeoutMs) {
    found.push(
      problem(
        'sources.kafka.max_poll_interval_ms',
        `is ${maxPollIntervalMs}; it must not be below session_timeout_ms (${sessionTimeoutMs})`,
        'sources.kafka.session_timeout_ms',
      ),
    )
  }
  if (executor.drainOnRevokeSeconds * 1000 >= maxPollIntervalMs) {
    found.push(
      problem(
        'executor.drain_on_revoke_seconds',
        `is ${executor.drainOnRevokeSeconds}; it must be below sources.kafka.max_poll_interval_ms (${maxPollIntervalMs} ms), at which the broker evicts the worker`,
        'sources.kafka.max_poll_interval_ms',
      ),
    )
  }
  return found
}

function topicRules({ sources: { kafka }, dlq }: Config): Problem[] {
  const found: Problem[] = []
  for (const [at, topic] of kafka.topic.entries()) {
    if (!topic.startsWith('^')) continue
    try {
      new RegExp(topic)
    } catch (error) {
      const path: Path = ['sources', 'kafka', 'topic', at]
      found.push({ path, text: `is ${JSON.stringify(topic)}, which is no regular expression: ${String(error)}` })
    }
  }
  if (dlq.type === 'kafka' && dlq.topic !== '' && kafka.topic.includes(dlq.topic) && dlq.brokers === '') {
    found.push(problem('dlq.topic', `is "${dlq.topic}", which is consumed too: a dead letter would come back for ever`))
  }
  if (dlq.type === 'file' && dlq.path === '') {
    found.push(problem('dlq.path', 'is empty; `type: file` needs a folder'))
  }
  if (dlq.type === 'kafka' && dlq.oversize === 'file' && dlq.oversizeDir === '') {
    found.push(problem('dlq.oversize_dir', 'is empty; `oversize: file` needs a folder'))
  }
  return found
}

function poolRules({ executor }: Config): Problem[] {
  const found: Problem[] = []
  if (executor.backpressureLowMultiplier > executor.backpressureHighMultiplier) {
    found.push(
      problem(
        'executor.backpressure_low_multiplier',
        `is ${executor.backpressureLowMultiplier}; it must not be above backpressure_high_multiplier (${executor.backpressureHighMultiplier})`,
        'executor.backpressure_high_multiplier',
      ),
    )
  }
  if (executor.retryBackoffSeconds > executor.retryBackoffMaxSeconds) {
    found.push(
      problem(
        'executor.retry_backoff_seconds',
        `is ${executor.retryBackoffSeconds}; it must not be above retry_backoff_max_seconds (${executor.retryBackoffMaxSeconds})`,
        'executor.retry_backoff_max_seconds',
      ),
    )
  }
  return found
}

function clientRules({ kafka, dlq, sinks }: Config): Problem[] {
  const found: Problem[] = []
  if (!hasBroker(kafka.brokers))
    found.push(problem('kafka.brokers', 'names no broker; write `host:port`, several with commas'))
  const clients: [Path, Config['kafka']['clientConfig']][] = [
    [['kafka'], kafka.clientConfig],
    [['dlq'], dlq.clientConfig],
    ...Object.entries(sinks.kafka).map(([name, sink]): [Path, Config['kafka']['clientConfig']] => [
      ['sinks', 'kafka', name],
      sink.clientConfig,
    ]),
  ]
  for (const [path, properties] of clients) {
    for (const property of Object.keys(properties)) {
      const reason = reservedFor(property)
      if (reason !== undefined)
        found.push({ path: [...path, 'client_config', property], text: `cannot be set here: ${reason}` })
    }
  }
  return found
}

const hasBroker = (brokers: string): boolean => brokers.split(',').every((broker) => /^[^\s,]+$/.test(broker.trim()))
