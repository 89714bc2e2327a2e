import { readFileSync } from 'node:fs'

/** Where the time of the worker's main thread goes, in the order of a message's path. */
export const ROOMS = [
  'fetch, poll, positions, commit',
  'windows, order, ends',
  'decode, check, hooks',
  'slots, outcomes',
  'frames to and from launchers',
  'writing to launchers',
  'batches, delivery',
  'handing to the producer',
  'log, metrics, health',
  'garbage collection',
  'native code, waking',
  'node',
] as const
export type Room = (typeof ROOMS)[number]

/** By the nearest function on the stack that has one of these in its path; the first that fits counts. */
const PLACES: readonly (readonly [string, Room])[] = [
  ['/confluent/producer', 'handing to the producer'],
  ['/kafka-javascript/lib/producer', 'handing to the producer'],
  ['/flow/source/', 'fetch, poll, positions, commit'],
  ['/flow/ledger/', 'fetch, poll, positions, commit'],
  ['/kafka-javascript/', 'fetch, poll, positions, commit'],
  ['/flow/pipeline/', 'windows, order, ends'],
  ['/flow/ends/', 'windows, order, ends'],
  ['/src/handler/', 'decode, check, hooks'],
  ['/bench/handlers/', 'decode, check, hooks'],
  ['/zod/', 'decode, check, hooks'],
  ['/flow/executor/launcher/', 'frames to and from launchers'],
  ['/flow/executor/', 'slots, outcomes'],
  ['/flow/sinks/', 'batches, delivery'],
  ['/src/ops/', 'log, metrics, health'],
  ['/pino/', 'log, metrics, health'],
  ['/prom-client/', 'log, metrics, health'],
]

interface Profile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string }
    readonly children?: readonly number[]
  }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

/** Where messages are: its first and last run are the first and the last message. */
const WORK = '/flow/pipeline/'

/** Share of each room in the time in which the thread was busy, from the first message to the last. */
export function sharesOf(profilePath: string): ReadonlyMap<Room, number> {
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(profilePath, 'utf8')) as Profile
  const rooms = roomsOf(nodes)
  const marked = new Set(nodes.filter(({ callFrame }) => callFrame.url.includes(WORK)).map(({ id }) => id))
  const from = samples.findIndex((id) => marked.has(id))
  const to = samples.findLastIndex((id) => marked.has(id))
  const spent = new Map<Room, number>(ROOMS.map((room) => [room, 0]))
  let total = 0
  for (let index = from; index >= 0 && index <= to; index += 1) {
    const room = rooms.get(samples[index] as number)
    if (room === undefined) continue
    const us = timeDeltas[index] ?? 0
    spent.set(room, (spent.get(room) ?? 0) + us)
    total += us
  }
  return new Map([...spent].map(([room, us]) => [room, total === 0 ? 0 : us / total]))
}

/** Of each node of the call tree; none of an idle one. */
function roomsOf(nodes: Profile['nodes']): ReadonlyMap<number, Room> {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const rooms = new Map<number, Room>()
  const visit = (id: number, above: Room): void => {
    const node = byId.get(id)
    if (node === undefined) return
    const room = roomOf(node.callFrame, above)
    if (room !== null) rooms.set(id, room)
    for (const child of node.children ?? []) visit(child, room ?? above)
  }
  const root = nodes[0]
  if (root !== undefined) visit(root.id, 'node')
  return rooms
}

function roomOf({ functionName, url }: { functionName: string; url: string }, above: Room): Room | null {
  if (functionName === '(idle)') return null
  if (functionName === '(garbage collector)') return 'garbage collection'
  if (functionName === '(program)') return 'native code, waking'
  if (functionName === 'writeBuffer' || functionName === 'writev') {
    return above === 'frames to and from launchers' ? 'writing to launchers' : above
  }
  return PLACES.find(([part]) => url.includes(part))?.[1] ?? above
}
