import { type Config, clientProperties, parseMaxDead } from '../config/index.ts'
import {
  createDeadLetters,
  createFileLetters,
  createTransactionalDeadLetters,
  type DeadLetters,
  type DeadLettersOptions,
  deadLetterTopic,
  discarding,
} from '../flow/ends/index.ts'
import { createExecutor, type Launchers, type ResizableExecutor } from '../flow/executor/index.ts'
import { HoldRegistry, type IntakeOptions, type PipelineOptions } from '../flow/pipeline/index.ts'
import { createDelivery } from '../flow/sinks/index.ts'
import { type KafkaDriver, KafkaSource, type Source, type Transactor } from '../flow/source/index.ts'
import type { Hooks } from '../handler/index.ts'
import { systemClock as clock, systemRandom as random } from '../lib/index.ts'
import type { Announce, Handler, Holds } from '../model/index.ts'
import { Worker } from '../worker.ts'
import { buildRunners } from './runners.ts'
import type { BuiltSink } from './sinks/built.ts'
import { buildSinks, kafkaProducer } from './sinks.ts'
import { buildTransactor, TRANSACTION_AGE_MS } from './transactions.ts'

/** What the configuration cannot say. */
export interface BuildParts {
  readonly config: Config
  readonly env: Readonly<Record<string, string | undefined>>
  readonly handler: Handler
  readonly hooks: Hooks
  readonly launchers: Launchers
  readonly driver: KafkaDriver
  /** Instances of `sinks.custom`. Default: none. */
  readonly customSinks?: readonly BuiltSink[]
  readonly announce: Announce
  readonly workerId: string
}

/** Builds every part of a real worker from its configuration. Nothing is connected yet. */
export function buildWorker(parts: BuildParts): Worker {
  const { config, handler, hooks, driver, announce, workerId } = parts
  const holds = new HoldRegistry(announce)
  const transactor = buildTransactor(parts, holds)
  const { sinks, batch } = buildSinks(config, driver, parts.customSinks, transactor)
  const { deliveryTimeoutSeconds, circuitBreaker } = config.sinks
  return new Worker({
    workerId,
    handler,
    hooks,
    holds,
    clock,
    random,
    announce,
    source: buildSource(parts, holds, transactor),
    executor: buildExecutor(parts, holds),
    delivery: createDelivery({
      sinks,
      batch,
      clock,
      random,
      announce,
      holds,
      breaker: { failureThreshold: circuitBreaker.failureThreshold, cooldownMs: circuitBreaker.cooldownSeconds * 1000 },
      deliveryTimeoutMs: deliveryTimeoutSeconds * 1000,
      later: setImmediate,
    }),
    deadLetters: buildDeadLetters(parts, holds, transactor),
    pipeline: pipelineOptions(config),
    intake: intakeOptions(config),
    stopTimeoutMs: config.executor.drainOnStopSeconds * 1000,
  })
}

function buildSource(
  { config, driver, announce }: BuildParts,
  holds: Holds,
  transactor: Transactor | undefined,
): Source {
  const source = config.sources.kafka
  return new KafkaSource({
    driver,
    client: clientProperties(config.kafka),
    consumer: {
      groupId: source.consumerGroup,
      topics: source.topic,
      sessionTimeoutMs: source.sessionTimeoutMs,
      heartbeatIntervalMs: source.heartbeatIntervalMs,
      maxPollIntervalMs: source.maxPollIntervalMs,
      ...(source.groupInstanceId == null ? {} : { groupInstanceId: source.groupInstanceId }),
    },
    clock,
    random,
    announce,
    holds,
    neverConsume: [
      ...Object.values(config.sinks.kafka).map((sink) => sink.topic),
      ...(config.dlq.topic === '' ? [] : [config.dlq.topic]),
    ],
    autoOffsetReset: source.autoOffsetReset,
    onOffsetGap: source.onOffsetGap,
    maxPollRecords: source.maxPollRecords,
    drainTimeoutMs: config.executor.drainOnRevokeSeconds * 1000,
    commitEvery: source.commitEvery,
    commitAgeMs:
      transactor === undefined ? source.commitIntervalMs : Math.min(source.commitIntervalMs, TRANSACTION_AGE_MS),
    transactor,
    maxSpan: source.maxUncommittedSpan,
  })
}

function buildExecutor(parts: BuildParts, holds: Holds): ResizableExecutor {
  const { binaryPath, maxExecutors, okExitCodes } = parts.config.executor
  const { announce } = parts
  const runner = buildRunners(parts)
  return createExecutor({
    runner,
    slots: maxExecutors,
    holds,
    announce,
    clock,
    random,
    defaultBinary: binaryPath ?? null,
    okExitCodes,
  })
}

function buildDeadLetters(parts: BuildParts, holds: Holds, transactor: Transactor | undefined): DeadLetters {
  const letters = buildLetters(parts, holds, transactor)
  return transactor === undefined ? letters : discarding(letters, transactor)
}

/** With transactions those of the source's own cluster are in them; others are written before the end of their message. */
function buildLetters(
  { config, driver, announce, workerId }: BuildParts,
  holds: Holds,
  transactor: Transactor | undefined,
): DeadLetters {
  const { dlq, sources } = config
  const common = { worker: workerId, clock, random, announce, holds }
  if (dlq.type === 'file') return createFileLetters({ ...common, folder: dlq.path })
  const options: Omit<DeadLettersOptions, 'producer'> = {
    ...common,
    topicOf: (sourceTopic: string) => deadLetterTopic(sourceTopic, dlq.topic),
    sourceTopics: sources.kafka.topic.filter((topic) => !topic.startsWith('^')),
    oversize: dlq.oversize === 'file' ? { to: 'file', folder: dlq.oversizeDir } : { to: 'hold' },
  }
  if (transactor !== undefined && dlq.brokers === '')
    return createTransactionalDeadLetters({ ...options, staging: transactor })
  const producer = kafkaProducer(config, driver, dlq, { lingerMs: 5, compression: 'lz4' })
  return createDeadLetters({ ...options, producer })
}

function pipelineOptions({ executor, sources, dlq, delivery }: Config): PipelineOptions {
  const maxDead = parseMaxDead(dlq.maxDead)
  return {
    ...(maxDead === null ? {} : { maxDead: { ...maxDead, least: dlq.maxDeadLeast } }),
    windowSize: executor.windowSize,
    atomic: delivery === 'atomic',
    maxRetries: executor.maxRetries,
    retryBackoff: { initialMs: executor.retryBackoffSeconds * 1000, maxMs: executor.retryBackoffMaxSeconds * 1000 },
    onParseError: sources.kafka.onParseError,
    arrangeBackoff: { initialMs: 1000, maxMs: 30_000 },
  }
}

/** Bytes leave room for one poll more, so that what is held stays within the configured budget. */
function intakeOptions({ executor }: Config): IntakeOptions {
  const { maxExecutors, backpressureHighMultiplier, backpressureLowMultiplier, maxBufferedBytes } = executor
  return {
    highMessages: maxExecutors * backpressureHighMultiplier,
    lowMessages: Math.max(1, maxExecutors * backpressureLowMultiplier),
    highBytes: maxBufferedBytes * 0.75,
    lowBytes: maxBufferedBytes * 0.5,
  }
}
