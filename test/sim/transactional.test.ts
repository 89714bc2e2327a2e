import { expect, describe as group, test } from 'vitest'
import type { Staging } from '../../src/flow/sinks/index.ts'
import { DriverError, type KafkaDriver, type TransactionalProducer } from '../../src/flow/source/index.ts'
import { judge } from './oracle/judge.ts'
import { describe, trace } from './report.ts'
import { live } from './schedule.ts'
import type { Mutant, WorldShape } from './world.ts'

/** One seed: `SIM_TXN_SEED=17` replays it and prints everything. `SIM_TXN_RUNS` seeds otherwise, from 1. */
const replayed = Number(process.env['SIM_TXN_SEED'] ?? 0)
const runs = Number(process.env['SIM_TXN_RUNS'] ?? 300)
const BLOCK = 100
const TRANSACTIONS: Partial<WorldShape> = { atomic: true, windows: false, transactional: true }

test.runIf(replayed > 0)(`seed ${replayed}`, async () => {
  const evidence = await live(replayed, undefined, TRANSACTIONS)
  const violations = judge(evidence)
  process.stdout.write(`${JSON.stringify(evidence.world.shape)}\n${trace(evidence)}\n`)
  expect(violations.length === 0 ? '' : describe(evidence, violations)).toBe('')
})

for (let from = 1; from <= (replayed > 0 ? 0 : runs); from += BLOCK) {
  const to = Math.min(runs, from + BLOCK - 1)
  test(`every statement holds in transactional histories ${from} to ${to}`, async () => {
    const red: string[] = []
    for (let seed = from; seed <= to; seed += 1) {
      const evidence = await live(seed, undefined, TRANSACTIONS)
      const violations = judge(evidence)
      if (violations.length > 0) red.push(describe(evidence, violations))
    }
    expect(`${red.length > 0 ? `${red.length} red\n` : ''}${red.slice(0, 3).join('\n\n')}`).toBe('')
  })
}

/** Without these the statements would hold for want of anything that could break them. */
const WILD: Readonly<Record<string, number>> = {
  'transaction committed': 500,
  'transaction aborted': 30,
  lost: 10,
  revoked: 100,
  already_done: 100,
  drain_timeout: 15,
  'held transaction': 1,
  'held sink kafka:out': 10,
}

test.runIf(replayed === 0)('transactional histories are not tame', async () => {
  const seen = new Map<string, number>()
  for (let seed = 1; seed <= 100; seed += 1) {
    const { world } = await live(seed, undefined, TRANSACTIONS)
    for (const [kind, count] of world.announced) seen.set(kind, (seen.get(kind) ?? 0) + count)
  }
  const tooFew = Object.entries(WILD).filter(([kind, least]) => (seen.get(kind) ?? 0) < least)
  expect(tooFew.map(([kind, least]) => `${kind}: ${seen.get(kind) ?? 0} of ${least}`)).toEqual([])
})

const BREAKS: readonly string[] = ['T1', 'T2', 'S1']

/** Deliberate bugs between the parts. */
const MUTANTS: Readonly<Record<string, Mutant>> = {
  'a message that dies keeps what was staged with it': {
    staging: (staging) => ({ ...stagingOf(staging), discard: () => undefined }),
  },
  'outputs know their first message, and not those that end with it': {
    staging: (staging) => ({
      ...stagingOf(staging),
      stage: (records) => staging.stage(records.map((record) => ({ ...record, offsets: record.offsets.slice(0, 1) }))),
    }),
  },
  'a commit whose answer is lost counts as aborted': {
    driver: (driver) =>
      wrapped(driver, (producer) => ({
        commit: async () => {
          try {
            await producer.commit()
          } catch (error) {
            if (!(error instanceof DriverError) || !error.retriable) throw error
            throw new DriverError(error.message, { code: error.code, errno: error.errno, abortable: true })
          }
        },
      })),
  },
  'offsets are committed beside the transaction': {
    driver: (driver) =>
      wrapped(driver, () => ({
        sendOffsets: async (requests, consumer) => {
          const answers = await consumer.commit(requests)
          for (const { error } of answers) if (error !== null) throw error
        },
      })),
  },
  'an aborted transaction goes on': {
    driver: (driver) => wrapped(driver, () => ({ abort: async () => undefined })),
  },
  'records are sent outside of the transaction': {
    driver: (driver) =>
      wrapped(driver, (producer) => ({
        sendAll: async (records) => {
          const answers = await producer.sendAll(records)
          await producer.commit()
          await producer.begin()
          return answers
        },
      })),
  },
}

group('a deliberate bug of transactions breaks a statement', () => {
  for (const [name, mutant] of Object.entries(MUTANTS)) {
    test.runIf(replayed === 0)(name, async () => {
      const broken = new Set<string>()
      for (let seed = 1; seed <= 200 && !BREAKS.some((statement) => broken.has(statement)); seed += 1)
        for (const { statement } of judge(await live(seed, mutant, TRANSACTIONS))) broken.add(statement)
      expect([...broken].some((statement) => BREAKS.includes(statement))).toBe(true)
    })
  }
})

function stagingOf(staging: Staging): Staging {
  return {
    connect: () => staging.connect(),
    describe: (topics) => staging.describe(topics),
    close: () => staging.close(),
    stage: (records) => staging.stage(records),
    discard: (assignment, offset) => staging.discard(assignment, offset),
  }
}

function wrapped(
  driver: KafkaDriver,
  wrap: (producer: TransactionalProducer) => Partial<TransactionalProducer>,
): KafkaDriver {
  const transactional = driver.transactional?.bind(driver)
  return {
    ...driver,
    transactional: (client, options) => {
      const producer = transactional?.(client, options) as TransactionalProducer
      return {
        connect: () => producer.connect(),
        begin: () => producer.begin(),
        sendAll: (records) => producer.sendAll(records),
        sendOffsets: (requests, consumer) => producer.sendOffsets(requests, consumer),
        commit: () => producer.commit(),
        abort: () => producer.abort(),
        describe: (topics) => producer.describe(topics),
        close: () => producer.close(),
        ...wrap(producer),
      }
    },
  }
}
