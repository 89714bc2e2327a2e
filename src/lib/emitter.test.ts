import { describe, expect, it } from 'vitest'
import { createAnnouncer } from './emitter.ts'

type Event = { readonly type: 'a'; readonly n: number } | { readonly type: 'b' }

function announcer(errors: unknown[] = []) {
  return createAnnouncer<Event>((error) => errors.push(error))
}

describe('announcer', () => {
  it('calls only the listeners of the type, in order', () => {
    const hub = announcer()
    const seen: string[] = []
    hub.subscribe((event) => seen.push(`all ${event.type}`))
    hub.subscribe((event) => seen.push(`a ${event.type}`), ['a'])
    hub.announce({ type: 'a', n: 1 })
    hub.announce({ type: 'b' })
    expect(seen).toEqual(['all a', 'a a', 'all b'])
  })

  it('stops after unsubscribing, also for types that were announced before', () => {
    const hub = announcer()
    let count = 0
    const stop = hub.subscribe(() => {
      count += 1
    })
    hub.announce({ type: 'b' })
    stop()
    stop()
    hub.announce({ type: 'b' })
    expect(count).toBe(1)
  })

  it('reports a throwing listener once, drops it, and still calls the others and returns to the caller', () => {
    const errors: unknown[] = []
    const hub = announcer(errors)
    const failure = new Error('broken')
    let calls = 0
    let after = 0
    hub.subscribe(() => {
      calls += 1
      throw failure
    })
    hub.subscribe(() => {
      after += 1
    })
    hub.announce({ type: 'b' })
    hub.announce({ type: 'a', n: 2 })
    expect({ calls, after, errors }).toEqual({ calls: 1, after: 2, errors: [failure] })
  })

  it('reports once when a failing listener announces again before it throws', () => {
    const errors: unknown[] = []
    const hub = announcer(errors)
    hub.subscribe((event) => {
      if (event.type === 'a') hub.announce({ type: 'b' })
      throw new Error(event.type)
    })
    hub.announce({ type: 'a', n: 1 })
    expect(errors.map(String)).toEqual(['Error: b'])
  })

  it('lets a listener subscribe and unsubscribe others while an event is under way', () => {
    const hub = announcer()
    const seen: string[] = []
    hub.subscribe(() => {
      seen.push('first')
      hub.subscribe(() => seen.push('late'), ['b'])
    }, ['a'])
    hub.announce({ type: 'a', n: 1 })
    hub.announce({ type: 'b' })
    expect(seen).toEqual(['first', 'late'])
  })
})
