// Each message asks how often something occurs in the library, a folder of texts; grep answers.
import { mkdir, writeFile } from 'node:fs/promises'
import { defineHandler, task } from 'drakkar'
import { z } from 'zod'

const HOME = process.env['SEARCH_HOME'] ?? '.'

const Search = z.object({
  id: z.string().regex(/^[\w-]+$/),
  find: z.string().min(1),
  /** A text, a regular expression, or a list of texts, one a line. */
  as: z.enum(['text', 'regex', 'list']),
})
type Search = z.infer<typeof Search>

export default defineHandler({
  input: Search,

  arrange: (messages) =>
    messages.map((message) => task(message, { args: grepArguments(message.payload), metadata: message.payload })),

  onTaskComplete: ({ task: { metadata: search }, stdout, attempts, durationSeconds }) => {
    const counts = countsOf(stdout)
    const answer = {
      id: search.id,
      find: search.find,
      lines: counts.reduce((sum, count) => sum + count, 0),
      files: counts.filter((count) => count > 0).length,
      attempts,
      ms: Math.round(durationSeconds * 1000),
    }
    return {
      kafka: [{ key: search.id, data: answer }],
      files: [{ path: `${search.as}.jsonl`, data: answer }],
    }
  },

  onError: async ({ task: { messages, metadata: search }, exitCode, stdout, stderr }) => {
    // grep exits with 1 where nothing matches. That is an answer too, and it is already printed: no failure.
    if (exitCode === 1) return task(messages, { metadata: search, precomputed: { stdout } })
    // A list is laid down when a search first misses it, as in any cache that is filled on demand.
    if (search.as === 'list' && stderr.includes('No such file')) {
      await mkdir(`${HOME}/lists`, { recursive: true })
      await writeFile(listFile(search), search.find)
    }
    // What grep cannot read as a regular expression, it cannot read the next time either.
    return search.as === 'regex' ? 'dead-letter' : 'retry'
  },
})

/** Counts the matching lines of each text in the library. */
function grepArguments(search: Search): string[] {
  const count = ['-rc', search.as === 'regex' ? '-E' : '-F']
  return [...count, ...(search.as === 'list' ? ['-f', listFile(search)] : ['-e', search.find]), `${HOME}/library`]
}

function listFile(search: Search): string {
  return `${HOME}/lists/${search.id}`
}

/** grep prints `library/text-01:7` for each text. */
function countsOf(stdout: string): number[] {
  const lines = stdout.trimEnd().split('\n')
  return lines.map((line) => Number(line.slice(line.lastIndexOf(':') + 1)))
}
