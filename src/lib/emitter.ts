/** Something that is announced, told apart by its `type`. */
interface Typed {
  readonly type: string
}

/** A place where one part announces and others listen, without knowing each other. */
export interface Announcer<Event extends Typed> {
  /** Calls the listeners of this type of event, in the order in which they subscribed. Never throws. */
  readonly announce: (event: Event) => void
  /**
   * Listens to the named types (default: to all) until the returned function is called. A listener runs inside the
   * announcing call, so it must be quick; one that throws is reported once and dropped.
   */
  subscribe(listener: (event: Event) => void, types?: readonly Event['type'][]): () => void
}

interface Entry<Event> {
  readonly listener: (event: Event) => void
  readonly types: ReadonlySet<string> | null
}

/**
 * A synchronous announcer. An event that nobody listens to costs one map look-up. `onListenerError` gets what a
 * listener threw, after that listener was dropped; what it throws itself ends as an uncaught exception, outside of the
 * announcing call.
 */
export function createAnnouncer<Event extends Typed>(
  onListenerError: (error: unknown, event: Event) => void,
): Announcer<Event> {
  let entries: readonly Entry<Event>[] = []
  // Lists are replaced, never changed: an announcement under way goes on with the list it began with.
  let byType = new Map<string, readonly Entry<Event>[]>()

  const change = (next: readonly Entry<Event>[]): void => {
    entries = next
    byType = new Map()
  }
  const listenersOf = (type: string): readonly Entry<Event>[] => {
    const found = entries.filter((entry) => entry.types === null || entry.types.has(type))
    byType.set(type, found)
    return found
  }
  const dropFailed = (entry: Entry<Event>, error: unknown, event: Event): void => {
    if (!entries.includes(entry)) return
    change(entries.filter((other) => other !== entry))
    try {
      onListenerError(error, event)
    } catch (second) {
      queueMicrotask(() => {
        throw second
      })
    }
  }

  return {
    announce(event) {
      const listeners = byType.get(event.type) ?? listenersOf(event.type)
      for (let index = 0; index < listeners.length; index += 1) {
        const entry = listeners[index] as Entry<Event>
        try {
          entry.listener(event)
        } catch (error) {
          dropFailed(entry, error, event)
        }
      }
    },
    subscribe(listener, types) {
      const entry: Entry<Event> = { listener, types: types === undefined ? null : new Set(types) }
      change([...entries, entry])
      return () => change(entries.filter((other) => other !== entry))
    },
  }
}
