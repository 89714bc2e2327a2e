import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '..')
const { exports: doors } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  exports: Record<string, string | Record<string, string>>
}

/** Names that a door exports, types included; the door must be a plain list of them. */
function names(door: string): string[] {
  const target = doors[door]
  const path = typeof target === 'object' ? target['drakkar-src'] : undefined
  if (path === undefined) throw new Error(`${door} has no sources`)
  const text = readFileSync(join(ROOT, path), 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
  const lists = [...text.matchAll(/export (type )?\{([^}]*)\} from '[^']+'/g)]
  expect(text.replaceAll(/export (type )?\{[^}]*\} from '[^']+'/g, '').trim()).toBe('')
  return lists
    .flatMap(([, type = '', list = '']) => list.split(',').map((name) => `${type}${name.trim()}`))
    .filter((name) => !/^(type )?$/.test(name))
    .map((name) => name.replace(/.* as /, ''))
    .sort()
}

test('the package has these doors', () => {
  expect(Object.keys(doors)).toEqual(['.', './testing', './package.json'])
})

// A name that goes is a breaking change; one that comes has to stay: change these lists on purpose.
test('drakkar exports these names', async () => {
  expect(names('.')).toMatchInlineSnapshot(`
    [
      "DrakkarApp",
      "DrakkarError",
      "ERRORS",
      "defineHandler",
      "defineSink",
      "stableTaskId",
      "task",
      "taskId",
      "type AppOptions",
      "type ArrangeContext",
      "type CustomOutput",
      "type Decode",
      "type DecodeContext",
      "type DeliveryAction",
      "type DeliveryFailure",
      "type ErrorAction",
      "type ErrorCode",
      "type FileOutput",
      "type Handler",
      "type Header",
      "type HookContext",
      "type HookLog",
      "type HttpOutput",
      "type KafkaOutput",
      "type Message",
      "type MessageGroup",
      "type MongoDocument",
      "type MongoOutput",
      "type OnOutputCap",
      "type Outcome",
      "type Outputs",
      "type Periodic",
      "type PostgresOutput",
      "type PostgresRow",
      "type Precomputed",
      "type RawMessage",
      "type RecordVerdict",
      "type RedisOutput",
      "type RedisValue",
      "type RunContext",
      "type RunnerName",
      "type Sink",
      "type SinkKind",
      "type SinkRecord",
      "type Task",
      "type TaskFailure",
      "type TaskLimits",
      "type TaskOptions",
      "type TaskResult",
      "type TaskSpec",
      "type TopicPartition",
      "type Verdict",
      "type WindowGroup",
      "type WorkerView",
    ]
  `)
  const values = names('.').filter((name) => !name.startsWith('type '))
  expect(Object.keys(await import('drakkar')).sort()).toEqual(values)
})

test('drakkar/testing exports these names', async () => {
  expect(names('./testing')).toMatchInlineSnapshot(`
    [
      "History",
      "Link",
      "ModelBroker",
      "ScriptedRunner",
      "ScriptedSink",
      "StuckError",
      "heal",
      "noFaults",
      "sinkContract",
      "type BrokerEvent",
      "type BrokerFaults",
      "type ClockBranch",
      "type Fate",
      "type HistoryEntry",
      "type HistoryEvent",
      "type ModelDriver",
      "type NewRecord",
      "type RecordAt",
      "type Run",
      "type ScriptedRunnerOptions",
      "type ScriptedSinkOptions",
      "type SinkScript",
      "type SinkUnderTest",
      "type StoredCommit",
      "type TestFunction",
      "type VirtualClock",
      "type WorkEvent",
      "virtualClock",
    ]
  `)
  const values = names('./testing').filter((name) => !name.startsWith('type '))
  expect(Object.keys(await import('drakkar/testing')).sort()).toEqual(values)
})
