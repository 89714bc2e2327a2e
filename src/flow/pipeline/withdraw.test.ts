import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Run } from '../executor/index.ts'
import { TrackedMessage, TrackedTask, Window } from './tracked.ts'
import { withdrawable } from './withdraw.ts'

interface Plan {
  readonly owners: readonly number[]
  readonly state: 'waiting' | 'running' | 'settled'
}

/** Messages and their tasks as a plan says; settled tasks are booked as settled and no longer in flight. */
function build(messages: number, plans: readonly Plan[], perWindow: number) {
  const tracked = Array.from({ length: messages }, (_, offset) => {
    const raw = { topic: 'jobs', partition: 0, offset, key: null, value: null, timestamp: null, headers: [] }
    return new TrackedMessage(raw, 0, 0)
  })
  for (let first = 0; first < messages; first += perWindow) {
    const members = tracked.slice(first, first + perWindow)
    const window = new Window(first, members, 0)
    for (const member of members) member.window = window
  }
  const tasks = plans.flatMap(({ owners, state }, index) => {
    const mine = owners.map((owner) => tracked[owner] as TrackedMessage)
    const task = new TrackedTask({ id: String(index) } as TrackedTask['task'], mine, mine[0]?.window as Window)
    task.attempts = 1
    task.run = { state: state === 'settled' ? 'ended' : state } as Run
    for (const message of mine) {
      message.made += 1
      message.state = 'running'
      if (state !== 'settled') message.open += 1
    }
    return state === 'settled' ? [] : [task]
  })
  for (const message of tracked) if (message.made > 0 && message.open === 0) message.state = 'finishing'
  return { tracked, tasks }
}

describe('what may be taken back', () => {
  it('is every task of a message that has started nothing, and nothing else', () => {
    const { tasks } = build(
      3,
      [
        { owners: [0], state: 'running' },
        { owners: [0], state: 'waiting' },
        { owners: [1], state: 'waiting' },
        { owners: [2], state: 'settled' },
        { owners: [2], state: 'waiting' },
      ],
      1,
    )
    expect(withdrawable(tasks, false).map((tracked) => tracked.task.id)).toEqual(['2'])
  })

  it('a shared task ties messages together, however long the chain', () => {
    const { tasks } = build(
      4,
      [
        { owners: [2, 3], state: 'waiting' },
        { owners: [1, 2], state: 'waiting' },
        { owners: [0, 1], state: 'waiting' },
        { owners: [0], state: 'running' },
      ],
      1,
    )
    expect(withdrawable(tasks, false)).toEqual([])
  })

  it('for any plan: no message keeps some of its tasks and loses others; without progress all go', () => {
    const plan = fc.record({
      owners: fc.uniqueArray(fc.nat(7), { minLength: 1, maxLength: 3 }),
      state: fc.constantFrom('waiting' as const, 'waiting' as const, 'running' as const, 'settled' as const),
    })
    fc.assert(
      fc.property(fc.array(plan, { maxLength: 14 }), fc.boolean(), (plans, wholeWindows) => {
        const { tracked, tasks } = build(8, plans, 2)
        const gone = new Set(withdrawable(tasks, wholeWindows))
        for (const task of gone) expect(task.started).toBe(false)
        for (const message of tracked) {
          const mine = tasks.filter((task) => task.messages.includes(message))
          const lost = mine.filter((task) => gone.has(task)).length
          expect(lost === 0 || lost === mine.length).toBe(true)
          if (lost > 0) expect(message.open).toBe(message.made)
          if (lost > 0 && wholeWindows) {
            for (const other of message.window?.messages ?? []) expect(other.open).toBe(other.made)
          }
        }
        if (plans.every((each) => each.state === 'waiting')) expect(gone.size).toBe(tasks.length)
      }),
      { numRuns: 1000 },
    )
  })
})
