import type { DeadLetter } from '../../src/flow/ends/index.ts'
import { decodeMetadata, encodeMetadata } from '../../src/flow/ledger/index.ts'
import type {
  CommitRequest,
  KafkaConsumer,
  KafkaDriver,
  RebalanceListener,
  Source,
} from '../../src/flow/source/index.ts'
import { type Assignment, type Handler, type Outcome, partitionKey, type TaskFailure } from '../../src/model/index.ts'
import { MAX_RETRIES } from './plan.ts'
import type { Mutant } from './world.ts'

/** A deliberate bug and the statements that it breaks. */
export interface NamedMutant {
  readonly name: string
  readonly breaks: readonly string[]
  readonly mutant: Mutant
}

/** All bugs sit between two parts, at their ports: the parts themselves are those of production. */
export const MUTANTS: readonly NamedMutant[] = [
  {
    name: 'a commit passes the first unfinished offset',
    breaks: ['S1', 'S2'],
    mutant: {
      driver: (driver) => rewritingCommits(driver, (request) => remade(request, request.offset + 1, 'nothing')),
    },
  },
  {
    name: 'the map of a commit says that everything below its horizon is finished',
    breaks: ['S1'],
    mutant: { driver: (driver) => rewritingCommits(driver, (request) => remade(request, request.offset, 'all')) },
  },
  {
    name: 'offset and metadata of a commit come from two snapshots',
    breaks: ['S4'],
    mutant: {
      driver: (driver) => {
        const last = new Map<string, string>()
        return rewritingCommits(driver, (request) => {
          const before = last.get(partitionKey(request)) ?? request.metadata
          last.set(partitionKey(request), request.metadata)
          return { ...request, metadata: before }
        })
      },
    },
  },
  {
    name: 'the map of the last commit is not read',
    breaks: ['S6'],
    mutant: {
      driver: (driver) =>
        wrapConsumer(driver, (consumer) => ({
          committed: async (at) => (await consumer.committed(at)).map((each) => ({ ...each, metadata: '' })),
        })),
    },
  },
  {
    name: 'a commit counts as done when it is sent',
    breaks: ['S6'],
    mutant: {
      driver: (driver) =>
        wrapConsumer(driver, (consumer) => ({
          commit: async (requests) => {
            consumer.commit(requests).catch(() => undefined)
            return Promise.resolve(
              requests.map(({ topic, partition, offset }) => ({ topic, partition, offset, error: null })),
            )
          },
        })),
    },
  },
  {
    name: 'a polled record is lost',
    breaks: ['S1', 'S2', 'L1'],
    mutant: {
      driver: (driver, random) =>
        wrapConsumer(driver, (consumer) => ({
          poll: async (max, waitMs) => (await consumer.poll(max, waitMs)).filter(() => random() > 0.05),
        })),
    },
  },
  {
    name: 'lost partitions count as revoked',
    breaks: ['S8'],
    mutant: {
      driver: (driver) =>
        wrapConsumer(driver, (consumer) => ({
          connect: (listener, events) => consumer.connect(neverLost(listener), events),
        })),
    },
  },
  {
    name: 'what ends of an earlier assignment counts for the present one, and loss stops nothing',
    breaks: ['S8', 'S1', 'S5'],
    mutant: { source: acceptingStale },
  },
  {
    name: 'partitions are given up without waiting for what runs',
    breaks: ['S8'],
    mutant: { source: (source) => withRevoked(source, (revoked) => Promise.resolve(void revoked()).then(() => true)) },
  },
  {
    name: 'an end also settles the offset below it',
    breaks: ['S1', 'S2'],
    mutant: {
      source: (source) => ({
        ...forwarded(source),
        ended: (assignment, offset, end) => {
          source.ended(assignment, offset, end)
          source.ended(assignment, offset - 1, end)
        },
      }),
    },
  },
  {
    name: 'messages are handed on twice',
    breaks: ['S1', 'S5', 'S12'],
    mutant: {
      source: (source, random) => ({
        ...forwarded(source),
        start: (listener) =>
          source.start({
            assigned: (assignments) => listener.assigned(assignments),
            messages: (assignment, messages) => {
              listener.messages(assignment, messages)
              if (random() < 0.2) listener.messages(assignment, messages)
            },
            revoked: (assignments, how) => listener.revoked(assignments, how),
            failed: (error) => listener.failed(error),
          }),
      }),
    },
  },
  {
    name: 'a pause is never lifted',
    breaks: ['L1'],
    mutant: { source: (source) => ({ ...forwarded(source), resume: () => undefined }) },
  },
  {
    name: 'a result counts as delivered before its sink has it',
    breaks: ['S1'],
    mutant: {
      delivery: (delivery) => ({
        ...deliveryOf(delivery),
        deliver: (records, signal) => {
          void delivery.deliver(records, signal)
          return Promise.resolve([])
        },
      }),
    },
  },
  {
    name: 'a refusal of a sink is not looked at',
    breaks: ['S11'],
    mutant: {
      delivery: (delivery) => ({
        ...deliveryOf(delivery),
        deliver: async (records, signal) => {
          await delivery.deliver(records, signal)
          return []
        },
      }),
    },
  },
  {
    name: 'payloads go out before their message is complete',
    breaks: ['A1'],
    mutant: {
      delivery: (delivery) => ({
        ...deliveryOf(delivery),
        route: (outputs, idPrefix, assignment) => {
          const records = delivery.route(outputs, idPrefix, assignment)
          void delivery.deliver(records, new AbortController().signal)
          return records
        },
      }),
    },
  },
  {
    name: 'a dead letter is not awaited',
    breaks: ['S1'],
    mutant: {
      deadLetters: (letters) => ({
        connect: () => letters.connect(),
        close: () => letters.close(),
        bury: (letter, signal) => {
          letters.bury(letter, signal).catch(() => undefined)
          return Promise.resolve({ kind: 'dead', to: 'jobs_dlq', offset: null })
        },
      }),
    },
  },
  {
    name: 'a dead letter is not byte for byte its message',
    breaks: ['S9'],
    mutant: {
      deadLetters: (letters) => ({
        connect: () => letters.connect(),
        close: () => letters.close(),
        bury: (letter, signal) => letters.bury(withoutRepeatedHeaders(letter), signal),
      }),
    },
  },
  {
    name: 'a throwing hook ends its window',
    breaks: ['S1', 'S11'],
    mutant: {
      handler: (handler) => ({
        ...handler,
        arrange: async (messages, context) => {
          try {
            return await handler.arrange(messages, context)
          } catch {
            return []
          }
        },
      }),
    },
  },
  {
    name: 'a retry is counted twice',
    breaks: ['S10', 'S11'],
    mutant: {
      handler: (handler) => ({
        ...handler,
        onError: (failure: TaskFailure, context) => {
          if (failure.attempts * 2 > MAX_RETRIES + 1) return 'dead-letter'
          return handler.onError?.(failure, context) ?? 'retry'
        },
      }),
    },
  },
  {
    name: 'a failed run is repeated without being counted',
    breaks: ['S10', 'S5'],
    mutant: {
      executor: (executor) => ({
        start: () => executor.start(),
        stop: () => executor.stop(),
        slots: executor.slots,
        running: 0,
        waiting: 0,
        setSlots: (slots) => executor.setSlots(slots),
        kept: () => executor.kept(),
        active: () => executor.active(),
        cancelTask: (id) => executor.cancelTask(id),
        submit: (task, options) => {
          const first = executor.submit(task, options)
          const again = async (): Promise<Outcome | null> => {
            const outcome = await first.outcome
            return outcome?.verdict === 'exit' ? executor.submit(task, options).outcome : outcome
          }
          const outcome = again()
          return {
            get state() {
              return first.state
            },
            outcome,
            withdraw: () => first.withdraw(),
            cancel: () => first.cancel(),
          }
        },
      }),
    },
  },
  {
    name: 'onMessageComplete fires twice',
    breaks: ['S12'],
    mutant: {
      handler: (handler): Handler => ({
        ...handler,
        onMessageComplete: async (of, context) => {
          await handler.onMessageComplete?.(of, context)
          return handler.onMessageComplete?.(of, context)
        },
      }),
    },
  },
]

function wrapConsumer(driver: KafkaDriver, wrap: (consumer: KafkaConsumer) => Partial<KafkaConsumer>): KafkaDriver {
  return {
    producer: (client, options) => driver.producer(client, options),
    consumer: (client, options) => {
      const consumer = driver.consumer(client, options)
      const plain: KafkaConsumer = {
        connect: (listener, events) => consumer.connect(listener, events),
        poll: (max, waitMs) => consumer.poll(max, waitMs),
        pause: (at) => consumer.pause(at),
        resume: (at) => consumer.resume(at),
        seek: (at) => consumer.seek(at),
        commit: (requests) => consumer.commit(requests),
        committed: (at) => consumer.committed(at),
        watermarks: (at) => consumer.watermarks(at),
        describe: (topics) => consumer.describe(topics),
        close: () => consumer.close(),
      }
      return { ...plain, ...wrap(consumer) }
    },
  }
}

/** The source sees answers to what it asked, the broker sees something else. */
function rewritingCommits(driver: KafkaDriver, rewrite: (request: CommitRequest) => CommitRequest): KafkaDriver {
  return wrapConsumer(driver, (consumer) => ({
    commit: async (requests) => {
      const answers = await consumer.commit(requests.map(rewrite))
      return answers.map((answer, index) => ({ ...answer, offset: requests[index]?.offset ?? answer.offset }))
    },
  }))
}

/** A commit with right metadata for the wrong claim. */
function remade(request: CommitRequest, offset: number, finished: 'all' | 'nothing'): CommitRequest {
  const decoding = decodeMetadata(request, request.offset, request.metadata)
  if (!decoding.ok) return request
  const { owner, map } = decoding.value
  const whole = finished === 'all' && map !== null ? { horizon: map.horizon, unfinished: [] } : null
  return { ...request, offset, metadata: encodeMetadata(request, owner, { offset, map: whole }).metadata }
}

function neverLost(listener: RebalanceListener): RebalanceListener {
  return {
    assigned: (partitions) => listener.assigned(partitions),
    revoked: (partitions) => listener.revoked(partitions, { lost: false }),
  }
}

function forwarded(source: Source): Source {
  return {
    start: (listener) => source.start(listener),
    pause: (assignment, reason) => source.pause(assignment, reason),
    resume: (assignment, reason) => source.resume(assignment, reason),
    ended: (assignment, offset, end) => source.ended(assignment, offset, end),
    quiesce: () => source.quiesce(),
    stop: () => source.stop(),
    partitions: () => source.partitions(),
    brokersAwayMs: () => source.brokersAwayMs(),
    denied: () => source.denied(),
  }
}

function deliveryOf(delivery: Parameters<NonNullable<Mutant['delivery']>>[0]): typeof delivery {
  return {
    connect: () => delivery.connect(),
    route: (outputs, prefix, assignment) => delivery.route(outputs, prefix, assignment),
    deliver: (records, signal) => delivery.deliver(records, signal),
    views: () => delivery.views(),
    close: (timeoutMs) => delivery.close(timeoutMs),
  }
}

function withRevoked(
  source: Source,
  around: (revoked: () => Promise<boolean>, lost: boolean) => Promise<boolean>,
): Source {
  return {
    ...forwarded(source),
    start: (listener) =>
      source.start({
        assigned: (assignments) => listener.assigned(assignments),
        messages: (assignment, messages) => listener.messages(assignment, messages),
        revoked: (assignments, how) => around(() => listener.revoked(assignments, how), how.lost),
        failed: (error) => listener.failed(error),
      }),
  }
}

/** Loss is kept from the flow, and what it brings later is booked on whatever assignment the partition has by then. */
function acceptingStale(source: Source): Source {
  const present = new Map<string, Assignment>()
  const deaf = withRevoked(source, (revoked, lost) => (lost ? Promise.resolve(true) : revoked()))
  return {
    ...deaf,
    start: (listener) =>
      deaf.start({
        assigned: (assignments) => {
          for (const assignment of assignments) present.set(partitionKey(assignment), assignment)
          listener.assigned(assignments)
        },
        messages: (assignment, messages) => listener.messages(assignment, messages),
        revoked: (assignments, how) => listener.revoked(assignments, how),
        failed: (error) => listener.failed(error),
      }),
    ended: (assignment, offset, end) => source.ended(present.get(partitionKey(assignment)) ?? assignment, offset, end),
  }
}

function withoutRepeatedHeaders(letter: DeadLetter): DeadLetter {
  const headers = [...new Map(letter.message.headers)]
  return { ...letter, message: { ...letter.message, headers } }
}
