import type { Config } from './config.ts'

/** Things that work and are probably not meant, one line each with what to do. `cpus`: of this machine. */
export function warnings(config: Config, cpus: number): string[] {
  return [...timing(config), ...pool(config, cpus), ...sinkWarnings(config)]
}

function timing({ sources: { kafka } }: Config): string[] {
  const found: string[] = []
  const { heartbeatIntervalMs, sessionTimeoutMs } = kafka
  if (heartbeatIntervalMs * 3 > sessionTimeoutMs) {
    found.push(
      `sources.kafka.heartbeat_interval_ms is ${heartbeatIntervalMs}, more than a third of session_timeout_ms (${sessionTimeoutMs}): two lost heartbeats evict the worker`,
    )
  }
  if (sessionTimeoutMs < 6000) {
    found.push(
      `sources.kafka.session_timeout_ms is ${sessionTimeoutMs}: brokers refuse less than 6000 unless their group.min.session.timeout.ms is lowered`,
    )
  }
  return found
}

function pool({ executor, sources }: Config, cpus: number): string[] {
  const found: string[] = []
  if (executor.maxExecutors > cpus) {
    found.push(
      `executor.max_executors is ${executor.maxExecutors} and this machine has ${cpus} CPUs: right for programs that wait, slower for programs that compute`,
    )
  }
  if (executor.maxBufferedBytes < sources.kafka.maxMessageBytes) {
    found.push(
      `executor.max_buffered_bytes (${executor.maxBufferedBytes}) is below sources.kafka.max_message_bytes (${sources.kafka.maxMessageBytes}): one large message stops the intake while it runs`,
    )
  }
  if (executor.maxStdoutBytes === 0) {
    found.push('executor.max_stdout_bytes is 0: a program that writes without end fills the memory')
  }
  return found
}

function sinkWarnings({ sinks, sources, dlq }: Config): string[] {
  const found: string[] = []
  if (
    [sinks.kafka, sinks.filesystem, sinks.http, sinks.redis, sinks.mongo, sinks.postgres, sinks.custom].every(
      (kind) => Object.keys(kind).length === 0,
    )
  ) {
    found.push('no sink is configured: results have nowhere to go')
  }
  for (const [name, sink] of Object.entries(sinks.kafka)) {
    const path = `sinks.kafka.${name}`
    if (sink.lingerMs > 0 && sink.producerLingerMs > 0) {
      found.push(
        `${path} waits twice, linger_ms ${sink.lingerMs} and producer_linger_ms ${sink.producerLingerMs}: set one of them to 0`,
      )
    }
    if (sink.brokers !== '') continue
    if (sources.kafka.topic.includes(sink.topic))
      found.push(`${path}.topic is "${sink.topic}", which is consumed too: results come back as messages`)
    if (dlq.topic === sink.topic) found.push(`${path}.topic is "${sink.topic}", the topic of the dead letters too`)
  }
  return found
}
