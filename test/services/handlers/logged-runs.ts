// A user's handler for the end-to-end tests: each message is one run of the program, which writes its runs down.
import { defineHandler, task } from 'drakkar'

interface Job {
  readonly id: string
  /** How long the program takes; below 0: until the test lets it end. */
  readonly ms?: number
  /** What it ends with. */
  readonly exit?: number
  /** `arrange` throws when it sees it. */
  readonly poison?: boolean
}

const { RUN_LOG = 'runs.log', RESULT_FILES, RESULT_KINDS = '', POISON, REDIS_LIST, MONGO_COLLECTION } = process.env

export default defineHandler({
  arrange: (messages) =>
    messages.map((message) => {
      const { id, ms = 0, exit = 0, poison } = message.payload as Job
      if (poison === true && POISON !== 'eaten') throw new Error(`this handler cannot arrange ${id}`)
      const args = [RUN_LOG, id, String(ms), String(exit), String(process.pid)]
      return task(message, { args, stdin: message.value ?? '', metadata: { id } })
    }),
  onTaskComplete: ({ task: { messages, metadata }, stdout }) => {
    const [message] = messages
    const { id } = metadata
    const data = { id, partition: message?.partition, offset: message?.offset, ...(JSON.parse(stdout) as object) }
    const path = `${process.pid}.jsonl`
    // Kinds of sinks that need no more than the data.
    const kinds = RESULT_KINDS.split(',').filter((kind) => kind !== '')
    return {
      kafka: [{ key: id, data }],
      ...(RESULT_FILES === undefined ? {} : { files: [{ path, data }] }),
      ...(REDIS_LIST === undefined ? {} : { redis: [{ op: 'push', key: REDIS_LIST, members: [id] }] }),
      ...(MONGO_COLLECTION === undefined ? {} : { mongo: [{ collection: MONGO_COLLECTION, data: { id } }] }),
      ...Object.fromEntries(kinds.map((kind) => [kind, [{ data }]])),
    }
  },
})
