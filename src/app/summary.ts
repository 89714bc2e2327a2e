import type { Config } from '../config/index.ts'

/** The configuration in one line of the log: what an operator asks for first. Holds no secret. */
export function summaryOf(config: Config): Record<string, unknown> {
  const { kafka, sources, executor, sinks, dlq, metrics } = config
  return {
    brokers: kafka.brokers,
    topics: sources.kafka.topic.join(','),
    group: sources.kafka.consumerGroup,
    binary: executor.binaryPath ?? null,
    executors: executor.maxExecutors,
    window: executor.windowSize,
    retries: executor.maxRetries,
    timeout_seconds: executor.taskTimeoutSeconds,
    sinks: [
      ...Object.keys(sinks.kafka).map((name) => `kafka:${name}`),
      ...Object.keys(sinks.filesystem).map((name) => `files:${name}`),
      ...Object.keys(sinks.http).map((name) => `http:${name}`),
      ...Object.keys(sinks.mongo).map((name) => `mongo:${name}`),
      ...Object.keys(sinks.postgres).map((name) => `postgres:${name}`),
      ...Object.keys(sinks.redis).map((name) => `redis:${name}`),
      ...Object.values(sinks.custom).flatMap((named) => Object.keys(named).map((name) => `custom:${name}`)),
    ].join(','),
    dead_letters: dlq.type === 'file' ? dlq.path : dlq.topic === '' ? '<topic>_dlq' : dlq.topic,
    metrics: metrics.enabled ? `${metrics.host}:${metrics.port}` : 'off',
  }
}
