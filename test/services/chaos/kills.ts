import { jobs } from './jobs.ts'
import type { Stage } from './stage.ts'

export interface Kills {
  readonly messages: number
  /** Workers that are killed one after the other, each when it has written this many records more. */
  readonly kills: number
  readonly portion: number
  /**
   * After so many kills the workers are one static member of the group: its successor has the partitions at once, not when
   * the session of the dead one is over, so that many kills fit into a night.
   */
  readonly staticAfter: number
  readonly env: Readonly<Record<string, string>>
  /** How many records are in the store. */
  readonly written: () => Promise<number>
  /** For what is left after the kills, milliseconds. */
  readonly restMs: number
}

/** Records that are left for the end, where there is more to do than to wait for the last ones. */
const LEFT = 400
const WITHIN_MS = 120_000
const SAY_EVERY = 20

/** Works on all messages while workers are killed, and one is frozen and wakes up after its partitions moved. */
export async function killUnderLoad(stage: Stage, options: Kills): Promise<void> {
  const { messages, kills, portion, written, restMs } = options
  const env = { ...options.env }
  await stage.produce(jobs(messages, { ms: 2 }))
  let seen = 0
  const more = async (records: number): Promise<boolean> =>
    (await written()) >= Math.min(seen + records, messages - LEFT)
  for (let kill = 0; kill < kills; kill += 1) {
    const config = kill < options.staticAfter ? {} : { sources: { kafka: { group_instance_id: 'one' } } }
    const worker = await stage.ready({ env, config })
    await stage.until('results arrive', WITHIN_MS, () => more(portion))
    await worker.kill()
    seen = await written()
    if ((kill + 1) % SAY_EVERY === 0)
      process.stdout.write(`${stage.name}: ${kill + 1} of ${kills} kills, ${seen} of ${messages} records\n`)
  }
  const first = await stage.ready({ env })
  await stage.until('results arrive', WITHIN_MS, () => more(LEFT / 2))
  first.signal('SIGSTOP')
  await stage.ready({ env })
  await stage.until(
    'the other one works',
    WITHIN_MS,
    async () => (await written()) >= messages - LEFT / 4 || (await more(LEFT)),
  )
  first.signal('SIGCONT')
  await stage.allCommitted(restMs)
}
