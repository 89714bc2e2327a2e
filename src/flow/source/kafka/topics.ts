import { DrakkarError } from '../../../model/index.ts'

/** How many neighbours an error names. */
const NEIGHBOURS = 5

export function isPattern(topic: string): boolean {
  return topic.startsWith('^')
}

/**
 * The names that the subscription means: plain names as they are, patterns (JavaScript, with a `^` at the beginning)
 * by what exists now. A pattern matches neither `never`, nor `*_dlq`, nor Kafka's own `__*`. It is not left to the
 * client: its regular expressions know no exclusion, and what is refused after the assignment would be nobody's.
 * Throws CONFIG_INVALID for a pattern that is no regular expression, TOPIC_MISSING where patterns match nothing.
 */
export function matchTopics(
  wanted: readonly string[],
  existing: readonly string[],
  never: readonly string[],
): readonly string[] {
  const names = new Set(wanted.filter((topic) => !isPattern(topic)))
  for (const pattern of wanted.filter(isPattern)) {
    const expression = compiled(pattern)
    for (const topic of existing) {
      if (expression.test(topic) && !never.includes(topic) && !topic.endsWith('_dlq') && !topic.startsWith('__')) {
        names.add(topic)
      }
    }
  }
  if (names.size > 0) return [...names]
  throw new DrakkarError('TOPIC_MISSING', `no topic matches ${wanted.join(', ')}`, {
    advice:
      existing.length > 0
        ? `The broker has: ${closest(wanted[0] ?? '', existing).join(', ')}.`
        : 'The broker has no topics.',
  })
}

/** The error for topics that do not exist; it names what exists nearby. */
export function topicMissing(missing: readonly string[], existing: readonly string[]): DrakkarError {
  const lines = missing.flatMap((topic) => {
    const near = closest(topic, existing)
    return near.length > 0 ? `Near ${topic} there is: ${near.join(', ')}.` : []
  })
  return new DrakkarError(
    'TOPIC_MISSING',
    `the source topic${missing.length > 1 ? 's' : ''} ${missing.join(', ')} ${missing.length > 1 ? 'do' : 'does'} not exist, or ACLs hide ${missing.length > 1 ? 'them' : 'it'} from this user`,
    { advice: [...lines, 'Create the topic, correct sources.kafka.topic, or let the user read it.'].join(' ') },
  )
}

function compiled(pattern: string): RegExp {
  try {
    return new RegExp(pattern)
  } catch (error) {
    throw new DrakkarError('CONFIG_INVALID', `sources.kafka.topic: ${pattern} is not a regular expression`, {
      cause: error,
    })
  }
}

function closest(topic: string, existing: readonly string[]): string[] {
  return existing
    .filter((name) => !name.startsWith('__'))
    .map((name) => ({ name, far: name.includes(topic) || topic.includes(name) ? 0 : distance(topic, name) }))
    .filter(({ far, name }) => far <= Math.max(topic.length, name.length) / 2)
    .sort((a, b) => a.far - b.far || (a.name < b.name ? -1 : 1))
    .slice(0, NEIGHBOURS)
    .map(({ name }) => name)
}

/** Edits from one word to the other. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
