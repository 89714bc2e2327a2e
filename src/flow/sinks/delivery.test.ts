import { expect, test } from 'vitest'
import { ok, permanent, ScriptedSink, transient } from '../../../test/contract/scripted-sink.ts'
import type { Assignment, Hold, Outputs, TopicPartition, WorkerEvent } from '../../model/index.ts'
import { type VirtualClock, virtualClock } from '../../testing/virtual-clock.ts'
import { createDelivery, type DeliveryOptions } from './delivery.ts'
import type { Delivery, Refusal, RoutedRecord } from './delivery-port.ts'

const zero: Assignment = { topic: 'jobs', partition: 0, epoch: 1, owner: 1 }
const one: Assignment = { topic: 'jobs', partition: 1, epoch: 2, owner: 1 }

/** A delivery on a virtual clock, with what it announced and holds. */
class World {
  readonly clock: VirtualClock = virtualClock()
  readonly events: WorkerEvent[] = []
  readonly held: { at: TopicPartition; hold: Hold }[] = []
  readonly delivery: Delivery
  readonly signal: AbortController = new AbortController()
  #count = 0

  constructor(sinks: ScriptedSink | readonly ScriptedSink[], options: Partial<DeliveryOptions> = {}) {
    this.delivery = createDelivery({
      sinks: sinks instanceof ScriptedSink ? [sinks] : sinks,
      clock: this.clock,
      random: () => 0,
      announce: (event) => this.events.push(event),
      holds: {
        place: (at, hold) => {
          const held = { at, hold }
          this.held.push(held)
          return () => this.held.splice(this.held.indexOf(held), 1)
        },
      },
      ...options,
    })
  }

  /** Delivers texts in one call. */
  send(texts: readonly string[], assignment: Assignment = zero, signal: AbortSignal = this.signal.signal): Call {
    const outputs = { kafka: texts.map((text) => ({ text })) } as unknown as Outputs
    const records = this.delivery.route(outputs, `t${this.#count++}`, assignment)
    return new Call(this.delivery.deliver(records, signal))
  }

  get circuits(): readonly number[] {
    return this.events.flatMap((event) => (event.type === 'sink_circuit' ? [event.state] : []))
  }
}

class Call {
  refusals: readonly Refusal[] | null = null
  readonly promise: Promise<readonly Refusal[]>

  constructor(promise: Promise<readonly Refusal[]>) {
    this.promise = promise
    void promise.then((refusals) => {
      this.refusals = refusals
    })
  }

  get texts(): readonly string[] | null {
    return this.refusals?.map(({ record }) => (record.payload as { text: string }).text) ?? null
  }
}

const kafka = (outputs: readonly unknown[]): Outputs => ({ kafka: outputs }) as unknown as Outputs

test('records of many calls and partitions go out together, one batch at a time, in order', async () => {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>()
  const sink = new ScriptedSink(async (batch, call) => {
    if (call === 1) await gate
    return batch.map(() => ok)
  })
  const world = new World(sink)
  const first = [world.send(['a', 'b']), world.send(['c'], one)]
  await world.clock.run(0)
  const second = [world.send(['d']), world.send(['e'], one)]
  await world.clock.run(0)
  expect(sink.calls).toEqual([['a', 'b', 'c']])
  expect(first[0]?.refusals).toBeNull()
  open()
  await world.clock.run(0)
  expect(sink.calls).toEqual([
    ['a', 'b', 'c'],
    ['d', 'e'],
  ])
  for (const call of [...first, ...second]) expect(call.refusals).toEqual([])
})

test('the next batch leaves before the callers of the last one go on, and nothing closes before they do', async () => {
  const told: (() => void)[] = []
  const sink = new ScriptedSink((batch) => batch.map(({ payload }) => (payload === 'bad' ? permanent() : ok)))
  const later = (run: () => void): unknown => told.push(run)
  const world = new World(sink, { batch: { 'kafka:output': { maxRecords: 2 } }, later })
  const gone = new AbortController()
  const calls = [world.send(['a', 'bad']), world.send(['b', 'c', 'd']), world.send(['e', 'f'], zero, gone.signal)]
  await world.clock.run(0)
  expect(sink.calls.flat()).toEqual(['a', 'bad', 'b', 'c', 'd', 'e', 'f'])
  expect(world.delivery.views()[0]?.pending).toBe(0)
  const closed = world.delivery.close(1000)
  gone.abort()
  await world.clock.run(10)
  expect([calls.map((call) => call.texts), sink.closed]).toEqual([[null, null, null], 0])
  while (told.length > 0) told.shift()?.()
  await world.clock.runUntil(closed)
  expect([calls.map((call) => call.texts), sink.closed]).toEqual([[['bad'], [], []], 1])
})

test('a batch ends at its records, its bytes and its linger', async () => {
  const sink = new ScriptedSink()
  const world = new World(sink, { batch: { 'kafka:output': { lingerMs: 20, maxRecords: 3, maxBytes: 10 } } })
  world.send(['a', 'b', 'c', 'd', '123456789', '12'])
  await world.clock.run(0)
  expect(sink.calls).toEqual([
    ['a', 'b', 'c'],
    ['d', '123456789'],
  ])
  await world.clock.run(19)
  expect(sink.calls).toHaveLength(2)
  await world.clock.run(1)
  expect(sink.calls[2]).toEqual(['12'])
})

test('several batches may be under way where the options say so', async () => {
  const { promise: gate } = Promise.withResolvers<never>()
  const sink = new ScriptedSink(() => gate)
  const world = new World(sink, { batch: { 'kafka:output': { maxRecords: 1, inFlight: 2 } } })
  world.send(['a', 'b', 'c'])
  await world.clock.run(10)
  expect(sink.calls).toEqual([['a'], ['b']])
})

test('each record has its own verdict: one is refused, one waits for its repeat, the others are done', async () => {
  const sink = new ScriptedSink((batch, call) =>
    batch.map(({ payload }) => {
      if (payload === 'bad') return permanent('too large')
      return payload === 'later' && call === 1 ? transient() : ok
    }),
  )
  const world = new World(sink)
  const calls = [world.send(['a', 'bad']), world.send(['later']), world.send(['b'])]
  await world.clock.run(50)
  expect(calls.map((call) => call.texts)).toEqual([['bad'], null, []])
  expect(calls[0]?.refusals?.[0]).toMatchObject({ attempts: 1, record: { id: 't0/kafka:output/1', sink: 'output' } })
  expect(calls[0]?.refusals?.[0]?.error.message).toBe('too large')
  await world.clock.run(60)
  expect(calls[1]?.texts).toEqual([])
  expect(sink.calls).toEqual([['a', 'bad', 'later', 'b'], ['later']])
})

test('a record that fails does not keep the others back, and holds its partition once it failed often', async () => {
  const sink = new ScriptedSink((batch) =>
    batch.map(({ payload }) => (payload === 'sticky' ? transient('locked') : ok)),
  )
  const world = new World(sink)
  const sticky = world.send(['sticky', 'x'])
  for (let n = 0; n < 40; n += 1) {
    const other = world.send([`o${n}`], one)
    await world.clock.run(100)
    // A repeat of the sticky one alone is a failed attempt, so a rest of the lane can come before the other's turn.
    await world.clock.runUntil(other.promise, 10_000)
  }
  expect(sticky.refusals).toBeNull()
  await world.clock.run(20_000)
  expect(world.held.some(({ at, hold }) => at === zero && hold.detail.includes('locked'))).toBe(true)
  sink.script = (batch) => batch.map(() => ok)
  await world.clock.runUntil(sticky.promise, 20_000)
  expect(world.held).toEqual([])
})

test('a sink that is away: repeats with growing waits, then the circuit opens and its partitions are held', async () => {
  const sink = new ScriptedSink(() => new Error('connection refused'))
  const world = new World(sink)
  const calls = [world.send(['a', 'b']), world.send(['c'], one)]
  await world.clock.run(100 + 200 + 400 + 799)
  expect(sink.calls).toHaveLength(4)
  expect(world.held).toEqual([])
  await world.clock.run(1)
  expect(world.circuits).toEqual([1])
  expect(world.held.map(({ at }) => at)).toEqual([zero, one])
  expect(world.held[0]?.hold.reason).toBe('sink kafka:output')
  expect(world.held[0]?.hold.detail).toMatch(/connection refused.*Check the sink/)

  // While it is open a partition that comes to wait is held too, and only single probes go out, each another record.
  const late = world.send(['d'], { ...one, partition: 2 })
  expect(world.held).toHaveLength(3)
  await world.clock.run(4 * 5000)
  expect(sink.calls.slice(5)).toEqual([['d'], ['a'], ['b'], ['c']])

  sink.script = (batch) => batch.map(() => ok)
  await world.clock.run(5000)
  expect(world.circuits.at(-1)).toBe(0)
  expect(world.held).toEqual([])
  for (const call of [...calls, late]) expect(call.refusals).toEqual([])
  expect([...sink.placed].sort()).toEqual(['a', 'b', 'c', 'd'])
})

test('a sink that refuses everything costs at most threshold - 1 refusals; the rest waits and goes out later', async () => {
  const sink = new ScriptedSink((batch) => batch.map(() => permanent('not authorized')))
  const world = new World(sink)
  const texts = Array.from({ length: 12 }, (_, index) => `r${index}`)
  const calls = texts.map((text) => world.send([text]))
  await world.clock.run(60_000)
  expect(calls.flatMap((call) => call.texts ?? [])).toEqual(['r0', 'r1', 'r2', 'r3'])
  expect(world.held).toHaveLength(1)
  expect(world.held[0]?.hold.detail).toMatch(/refuses whatever it gets: not authorized/)

  // It takes records again, but not r6: now that it took another, this refusal is the record's own.
  sink.script = (batch) => batch.map(({ payload }) => (payload === 'r6' ? permanent('too large') : ok))
  await world.clock.run(15_000)
  expect(calls.map((call) => call.texts?.length)).toEqual([1, 1, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0])
  expect(world.held).toEqual([])
})

test('one bad record cannot keep the circuit shut, even as the only one that waits when the sink comes back', async () => {
  const sink = new ScriptedSink(() => new Error('away'))
  const world = new World(sink)
  const bad = world.send(['bad'])
  await world.clock.run(10_000)
  expect(world.circuits.at(-1)).toBe(1)
  sink.script = (batch) => batch.map(() => permanent('invalid'))
  await world.clock.run(5000)
  expect(bad.texts).toEqual(['bad'])
  expect(world.circuits.at(-1)).toBe(0)
})

test('a sink that hangs has failed after the deadline, and its late answer does not count', async () => {
  const late = Promise.withResolvers<readonly { ok: true }[]>()
  const signals: AbortSignal[] = []
  const sink = new ScriptedSink((batch, call, signal) => {
    signals.push(signal)
    return call === 1 ? late.promise : batch.map(() => ok)
  })
  const world = new World(sink, { deliveryTimeoutMs: 1000 })
  const call = world.send(['a', 'b'])
  await world.clock.run(1000)
  expect(signals[0]?.aborted).toBe(true)
  late.resolve([ok as { ok: true }])
  await world.clock.run(0)
  expect(call.refusals).toBeNull()
  await world.clock.run(100)
  expect(sink.calls).toEqual([
    ['a', 'b'],
    ['a', 'b'],
  ])
  expect(call.refusals).toEqual([])
})

test('a sink that answers nonsense has failed: nothing counts as placed', async () => {
  for (const nonsense of [[], [ok, ok, ok], undefined, [undefined, ok], [{ ok: 'yes' }, ok], ['ok', 'ok']]) {
    const sink = new ScriptedSink((batch, call) => (call === 1 ? (nonsense as never) : batch.map(() => ok)))
    sink.deliver = async (batch, signal) => sink.script(batch, sink.calls.push([]), signal) as never
    const world = new World(sink)
    const call = world.send(['a', 'b'])
    await world.clock.run(99)
    expect(call.refusals).toBeNull()
    const failed = world.events.find((event) => event.type === 'sink_delivered')
    expect(failed).toMatchObject({ records: 2, failed: 2, error: expect.stringMatching(/broken/) as string })
    await world.clock.run(1)
    expect(call.refusals).toEqual([])
  }
})

test('a sink says itself when to come again', async () => {
  const sink = new ScriptedSink((batch, call) => batch.map(() => (call === 1 ? transient('busy', 3000) : ok)))
  const world = new World(sink)
  const call = world.send(['a'])
  await world.clock.run(2999)
  expect(sink.calls).toHaveLength(1)
  await world.clock.run(1)
  expect(call.refusals).toEqual([])
})

test('an aborted call is answered at once; its queued records go, its hold is lifted, other calls are untouched', async () => {
  const sink = new ScriptedSink(() => new Error('away'))
  const world = new World(sink)
  const revoked = new AbortController()
  const gone = world.send(['a', 'b'], zero, revoked.signal)
  const stays = world.send(['c'], one)
  await world.clock.run(1500)
  expect(world.held).toHaveLength(2)
  revoked.abort()
  await world.clock.run(0)
  expect(gone.refusals).toEqual([])
  expect(stays.refusals).toBeNull()
  expect(world.held.map(({ at }) => at)).toEqual([one])
  expect(world.delivery.views()[0]?.pending).toBe(1)
  sink.script = (batch) => batch.map(() => ok)
  await world.clock.run(5000)
  expect(sink.placed).toEqual(['c'])
  expect(stays.refusals).toEqual([])
  expect(await world.delivery.deliver([], revoked.signal)).toEqual([])
})

test('the abort of a probe or of a waiting repeat leaves nothing stuck', async () => {
  const hang = Promise.withResolvers<never>()
  const sink = new ScriptedSink(() => new Error('away'))
  const world = new World(sink)
  const revoked = new AbortController()
  const gone = world.send(['a'], zero, revoked.signal)
  await world.clock.run(6499)
  sink.script = () => hang.promise
  await world.clock.run(1)
  expect(world.circuits.at(-1)).toBe(0.5)
  revoked.abort()
  expect(await gone.promise).toEqual([])
  expect(world.held).toEqual([])
  const next = world.send(['b'], one)
  expect(world.held.map(({ at }) => at)).toEqual([one])
  sink.script = (batch) => batch.map(() => ok)
  // The probe ends by its deadline, the circuit rests once more, then the new record is the probe.
  await world.clock.run(30_000 + 5000)
  expect(next.refusals).toEqual([])
  expect(world.delivery.views()[0]?.pending).toBe(0)
})

test('a routed payload gets the instance it names, or the only one, and an id that is the same after a replay', () => {
  const sinks = [
    new ScriptedSink(undefined, 'a'),
    new ScriptedSink(undefined, 'b'),
    new ScriptedSink(undefined, 'c', 'files'),
  ]
  const { delivery } = new World(sinks)
  const outputs = {
    kafka: [
      { sink: 'a', text: '1' },
      { sink: 'b', text: '2' },
      { sink: 'a', text: '3' },
    ],
    files: [{ text: '4' }],
  } as unknown as Outputs
  const routed = delivery.route(outputs, 'jobs:0:7:0', zero)
  expect(routed.map(({ id, kind, sink }) => [id, kind, sink])).toEqual([
    ['jobs:0:7:0/kafka:a/0', 'kafka', 'a'],
    ['jobs:0:7:0/kafka:b/0', 'kafka', 'b'],
    ['jobs:0:7:0/kafka:a/1', 'kafka', 'a'],
    ['jobs:0:7:0/files:c/0', 'files', 'c'],
  ])
  expect(routed.map(({ payload }) => payload)).toEqual([...outputs.kafka!, ...outputs.files!])
  expect(delivery.route(outputs, 'jobs:0:7:0', zero).map(({ id }) => id)).toEqual(routed.map(({ id }) => id))
})

test('what cannot be routed is an error that says what exists', () => {
  const { delivery } = new World([new ScriptedSink(undefined, 'a'), new ScriptedSink(undefined, 'b')])
  const route = (outputs: unknown) => (): readonly RoutedRecord[] => delivery.route(outputs as Outputs, 't', zero)
  expect(route({ files: [{}] })).toThrow('`files`: no sink of this kind is configured; configured are: kafka')
  expect(route(kafka([{ text: 'x' }]))).toThrow(
    '`kafka`: there are several sinks of this kind; say which in `sink`: a, b',
  )
  expect(route(kafka([{ sink: 'c', text: 'x' }]))).toThrow('`kafka`: there is no sink named "c"; there are: a, b')
  expect(route(kafka([{ sink: 'a', text: 'x' }, { sink: 'a' }]))).toThrow(
    '`kafka[1]` for kafka:a: `text` must be a string',
  )
  expect(route({ kafka: { sink: 'a' } })).toThrow('`kafka` must be a list of outputs')
})

test('where one sink cannot be connected the others are closed and its error is thrown', async () => {
  const good = new ScriptedSink(undefined, 'good')
  const bad = new ScriptedSink(undefined, 'bad')
  bad.connectError = new Error('no such folder')
  good.closeError = new Error('close failed')
  const world = new World([good, bad])
  await expect(world.delivery.connect()).rejects.toThrow('no such folder')
  expect([good.closed, bad.closed]).toEqual([1, 0])
  expect(world.delivery.views().map(({ connected }) => connected)).toEqual([false, false])
})

test('connecting announces each sink, closed circuit', async () => {
  const world = new World(new ScriptedSink())
  await world.delivery.connect()
  expect(world.events.map(({ type }) => type)).toEqual(['sink_connected', 'sink_circuit'])
  expect(world.delivery.views()).toEqual([{ kind: 'kafka', name: 'output', connected: true, pending: 0 }])
})

test('closing sends what is queued first, and is bounded where the sink takes nothing', async () => {
  const sink = new ScriptedSink()
  const world = new World(sink)
  const call = world.send(['a'])
  await world.clock.runUntil(world.delivery.close(1000))
  expect(call.refusals).toEqual([])
  expect(sink.closed).toBe(1)
  await world.delivery.close(1000)
  expect(sink.closed).toBe(1)

  const away = new ScriptedSink(() => new Error('away'))
  const stuck = new World(away)
  const lost = stuck.send(['a'])
  await stuck.clock.runUntil(stuck.delivery.close(1000))
  expect(stuck.clock.monotonic()).toBe(1000)
  const calls = away.calls.length
  await stuck.clock.runUntilIdle()
  expect(away.calls).toHaveLength(calls)
  expect(lost.refusals).toBeNull()
})

test('after closing no repeat goes out', async () => {
  const sink = new ScriptedSink((batch) =>
    batch.map(({ payload }) => (payload === 'later' ? transient('busy', 60_000) : ok)),
  )
  const world = new World(sink)
  world.send(['a', 'later'])
  await world.clock.run(0)
  await world.clock.runUntil(world.delivery.close(1000))
  await world.clock.runUntilIdle()
  expect(sink.calls).toEqual([['a', 'later']])
})

test('an error in closing is thrown after all were closed', async () => {
  const [a, b] = [new ScriptedSink(undefined, 'a'), new ScriptedSink(undefined, 'b')]
  a.closeError = new Error('flush failed')
  await expect(new World([a, b]).delivery.close(10)).rejects.toThrow('flush failed')
  expect(b.closed).toBe(1)
})
