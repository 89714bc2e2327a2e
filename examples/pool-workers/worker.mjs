#!/usr/bin/env node
// Answers each task with its stdin in capitals: JSON lines, as many at once as come.
import { createInterface } from 'node:readline'

const running = new Map()
const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`)

async function work({ id, stdin = '' }, signal) {
  await new Promise((resolve) => setImmediate(resolve)) // a query, a request, …
  if (signal.aborted) throw new Error('cancelled')
  say({ id, stdout: stdin.toUpperCase() })
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line)
  const { op, id } = request
  if (op === 'bye') break
  if (op === 'ping') say({ op: 'pong', id, cancel: true })
  if (op === 'cancel') running.get(id)?.abort()
  if (op === 'task') {
    running.set(id, new AbortController())
    work(request, running.get(id).signal)
      .catch((error) => say({ op: 'fail', id, message: error.message, retryable: false }))
      .finally(() => running.delete(id))
  }
}
