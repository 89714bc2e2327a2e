import type { PostgresLink } from './session.ts'

/** What somebody who looks at a database wants to know of it. */
export interface PostgresLook {
  readonly version: string
  /** Settings with which the server can lose what it has acknowledged. */
  readonly unsafe: readonly ('fsync' | 'synchronous_commit')[]
}

/** Asks a server about itself; the link must be connected. Writes nothing. */
export async function lookAtPostgres(link: PostgresLink): Promise<PostgresLook> {
  const { rows } = await link.lend((session) =>
    session.run<{ version: string; fsync: string; commit: string }>(
      `SELECT current_setting('server_version') AS version, current_setting('fsync') AS fsync,
       current_setting('synchronous_commit') AS commit`,
      [],
    ),
  )
  const [said] = rows
  const unsafe: PostgresLook['unsafe'][number][] = []
  if (said?.fsync === 'off') unsafe.push('fsync')
  if (said?.commit === 'off') unsafe.push('synchronous_commit')
  return { version: said?.version ?? 'unknown', unsafe }
}
