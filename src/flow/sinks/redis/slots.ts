import calculateSlot from 'cluster-key-slot'

const SLOTS = 16_384

/** The slot of a key in a cluster: of the part between braces where there is one. */
export const slotOf = (key: string): number => calculateSlot(key)

let tags: readonly string[] | undefined

/** A short text whose slot is the given one, so that `{text}…` is a key in that slot. */
export function slotTag(slot: number): string {
  tags ??= findTags()
  return tags[slot] ?? ''
}

/** Tries numbers until every slot has one; about 170,000, once in the life of a process that writes to a cluster. */
function findTags(): string[] {
  const found: string[] = []
  for (let number = 0, missing = SLOTS; missing > 0; number += 1) {
    const text = number.toString(36)
    const slot = calculateSlot(text)
    if (found[slot] !== undefined) continue
    found[slot] = text
    missing -= 1
  }
  return found
}
