const MOST_BYTES = 63

/** A name in double quotes, as it is: PostgreSQL neither folds it to lower case nor takes it for SQL. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** A table's name as it is written: `results`, `audit.results`, `"My Schema"."My.Table"`. */
export interface TableName {
  readonly schema: string | null
  readonly table: string
  /** In quotes, for SQL. */
  readonly sql: string
}

const PARTS = /^(?:"((?:[^"]|"")+)"|([^".]+))(?:\.(?:"((?:[^"]|"")+)"|([^".]+)))?$/

/**
 * Takes a table's name apart. Parts are taken as they are, with capitals; a part with a dot in it needs double quotes.
 *
 * @throws Error
 */
export function tableName(text: string): TableName {
  const parts = PARTS.exec(text)
  if (parts === null) throw new Error(`${JSON.stringify(text)} is no name of a table: write table, or schema.table`)
  const first = parts[1]?.replaceAll('""', '"') ?? parts[2] ?? ''
  const second = parts[3]?.replaceAll('""', '"') ?? parts[4]
  for (const part of [first, second]) if (part !== undefined) checkIdentifier(part)
  if (second === undefined) return { schema: null, table: first, sql: quoted(first) }
  return { schema: first, table: second, sql: `${quoted(first)}.${quoted(second)}` }
}

/** @throws Error where PostgreSQL has no such names. */
export function checkIdentifier(name: string): void {
  if (name === '') throw new Error('a name is empty')
  if (name.includes('\0')) throw new Error(`the name ${JSON.stringify(name)} has a NUL in it`)
  // Most are so short that they need not be measured.
  if (name.length * 3 > MOST_BYTES && Buffer.byteLength(name) > MOST_BYTES) {
    throw new Error(`the name ${JSON.stringify(name.slice(0, 80))} is longer than PostgreSQL's ${MOST_BYTES} bytes`)
  }
}
