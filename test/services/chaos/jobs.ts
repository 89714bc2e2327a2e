/** `count` messages with the ids `j0`, `j1`, …, each with the same wishes for its run. */
export function jobs(count: number, wishes: object = {}, from = 0): { value: object }[] {
  return Array.from({ length: count }, (_, n) => ({ value: { id: `j${from + n}`, ...wishes } }))
}

/** Ids in the values of records of the source or the result topic, sorted. */
export function idsOf(records: readonly { readonly value: Buffer | null }[]): readonly string[] {
  return records.map(({ value }) => (JSON.parse(String(value)) as { id: string }).id).sort()
}

/** The ids of the first `count` jobs. */
export function jobIds(count: number): readonly string[] {
  return Array.from({ length: count }, (_, n) => `j${n}`)
}
