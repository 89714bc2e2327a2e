// Each message names someone; cat greets them.
import { defineHandler, task } from 'drakkar'
import { z } from 'zod'

export default defineHandler({
  input: z.object({ name: z.string() }),
  arrange: (messages) => messages.map((message) => task(message, { stdin: `Hello, ${message.payload.name}!` })),
  onTaskComplete: ({ stdout }) => ({ files: [{ path: 'greetings.jsonl', data: { greeting: stdout } }] }),
})
