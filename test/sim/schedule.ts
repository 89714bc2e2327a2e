import { type Random, seededRandom } from '../../src/lib/index.ts'
import { heal } from '../../src/testing/index.ts'
import type { Evidence } from './facts.ts'
import { DEAD_LETTERS, type Mutant, SimWorld, type WorldShape } from './world.ts'

/** Faults come within this time, milliseconds; afterwards everything is healed. */
const CHAOS_MS = 30_000
/** With everything healed a world must come to its end within this time. */
const LIMIT_MS = 240_000

/** The shape of the world of a seed. */
export function shapeOf(seed: number): WorldShape {
  const random = seededRandom(seed)
  const between = (min: number, max: number): number => min + Math.floor(random() * (max - min + 1))
  const shape = {
    seed,
    partitions: between(1, 4),
    messages: between(20, 60),
    workers: between(1, 3),
    slots: between(1, 4),
    windowSize: between(1, 8),
    windows: random() < 0.15,
    highMessages: between(2, 40),
    commitEvery: between(1, 20),
    commitAgeMs: between(50, 1_500),
    metadataBudget: random() < 0.1 ? 72 : 3_000,
  }
  // The last draw: worlds of earlier versions stay what they were. A handler with windows cannot be atomic.
  return { ...shape, atomic: random() < 0.3 && !shape.windows, transactional: false }
}

/** Lives through the history of one seed and answers what there is to judge. */
export async function live(
  seed: number,
  mutant?: Mutant,
  over: Partial<WorldShape> = {},
): Promise<Evidence & { readonly world: SimWorld }> {
  const world = new SimWorld({ ...shapeOf(seed), ...over }, mutant)
  const random = seededRandom(seed * 13 + 5)
  for (let index = 0; index < world.shape.workers; index += 1) start(world, `w${index}`, random() * 2_000)
  arrivals(world, random)
  const faults = Math.floor(random() * 11)
  for (let nth = 0; nth < faults; nth += 1) {
    const at = 500 + random() * (CHAOS_MS - 500)
    world.clock.timer(at, () => fault(world, random))
  }
  await world.clock.run(CHAOS_MS)
  world.sinkAway = false
  heal(world.broker.faults)
  for (const worker of world.workers.values()) worker.driver.isolate(false)
  note(world, 'healed')
  let waited = 0
  for (; waited < LIMIT_MS && !world.finished(); waited += 500) {
    if (world.workers.size === 0) world.start('w0')
    await world.clock.run(500)
  }
  const unfinished = world.unfinished()
  const stops = [...world.workers.keys()].map((client) => world.stop(client))
  await world.clock.runUntil(Promise.all(stops), 60_000)
  return { facts: world.facts(unfinished), history: world.history.entries, world }
}

function arrivals(world: SimWorld, random: Random): void {
  for (let nth = 0; nth < world.shape.messages; nth += 1) {
    if (random() < 0.6) world.produce()
    else world.clock.timer(random() * (CHAOS_MS - 5_000), () => world.produce())
  }
}

function start(world: SimWorld, client: string, afterMs: number): void {
  world.clock.timer(afterMs, () => {
    if (!world.workers.has(client)) world.start(client)
  })
}

function fault(world: SimWorld, random: Random): void {
  const all = [...world.workers.keys()]
  const client = all[Math.floor(random() * all.length)]
  const faults = world.broker.faults
  const lasting = (ms: number, what: string, begin: () => void, end: () => void): void => {
    note(world, `${what} for ${Math.round(ms)} ms`)
    begin()
    world.clock.timer(ms, end)
  }
  const kind = Math.floor(random() * 11)
  if (kind <= 2 && client !== undefined) {
    world.crash(client)
    start(world, client, 300 + random() * 9_000)
  } else if (kind === 3 && client !== undefined) {
    void world.stop(client).then(() => start(world, client, random() * 5_000))
  } else if (kind === 4) {
    start(world, `w${Math.floor(random() * 3)}`, 0)
  } else if ((kind === 5 || kind === 10) && client !== undefined) {
    const { driver } = world.workers.get(client) as { driver: { isolate(isolated: boolean): void } }
    lasting(
      2_000 + random() * 16_000,
      `${client} has no network`,
      () => driver.isolate(true),
      () => driver.isolate(false),
    )
  } else if (kind === 6) {
    const end = (): void => {
      world.sinkAway = false
    }
    lasting(
      500 + random() * 14_000,
      'the sink is away',
      () => {
        world.sinkAway = true
      },
      end,
    )
  } else if (kind === 7) {
    lasting(
      500 + random() * 14_000,
      'the dead-letter topic is closed',
      () => faults.closedTopics.add(DEAD_LETTERS),
      () => faults.closedTopics.delete(DEAD_LETTERS),
    )
  } else if (kind === 8) {
    lasting(
      2_000 + random() * 10_000,
      'commits fail',
      () => Object.assign(faults, { commitRefused: 0.4, commitLost: 0.1, commitAnswerLost: 0.2 }),
      () => Object.assign(faults, { commitRefused: 0, commitLost: 0, commitAnswerLost: 0 }),
    )
  } else {
    lasting(
      2_000 + random() * 8_000,
      'slow and lossy',
      () =>
        Object.assign(faults, {
          latencyMs: [1, 200],
          produceFailed: 0.3,
          produceAnswerLost: 0.2,
          queryFailed: 0.2,
          lateRecords: 0.5,
        }),
      () => heal(faults),
    )
  }
}

function note(world: SimWorld, what: string): void {
  world.history.add({ type: 'fault', what })
}
