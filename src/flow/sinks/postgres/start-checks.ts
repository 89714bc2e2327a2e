import { typesOf } from './catalogue.ts'
import type { ColumnType } from './column-type.ts'
import type { NamedStatement } from './named-params.ts'
import type { Session } from './session.ts'

/** ON CONFLICT came with 9.5, and identity columns, which many tables have, with this. */
const OLDEST = 100_000

/** Rejects where the server is too old, or cannot be written to now. */
export async function checkServer(session: Session): Promise<void> {
  const { rows } = await session.run<{ version: string; shown: string; standby: boolean; readonly: string }>(
    `SELECT current_setting('server_version_num') AS version, current_setting('server_version') AS shown,
     pg_is_in_recovery() AS standby, current_setting('transaction_read_only') AS readonly`,
    [],
  )
  const [server] = rows
  if (server === undefined) throw new Error('the server does not say what it is')
  if (Number(server.version) < OLDEST) throw new Error(`the server is PostgreSQL ${server.shown}, and 10 is the oldest`)
  if (server.standby) throw new Error('the server is a standby, which only reads: name the primary in dsn')
  if (server.readonly === 'on') throw new Error('transactions are read-only there (default_transaction_read_only)')
}

/** Only these can be prepared with PREPARE, which tells what the parameters are. */
const PREPARABLE = /^\s*(with|select|insert|update|delete|merge|values)\b/i

/**
 * What a statement's parameters are, as the server sees it; null where it can only be known by running it. Rejects where
 * the server refuses the statement. Nothing is run.
 */
export async function parameterTypes(
  session: Session,
  { text }: NamedStatement,
): Promise<readonly ColumnType[] | null> {
  if (!PREPARABLE.test(text)) return null
  // In one transaction, because a pooler may give the next one another connection.
  await session.script('BEGIN')
  try {
    // As one statement: several in one would be run one after the other.
    await session.run(`PREPARE drakkar_check AS ${text}`, [])
    const { rows } = await session.run<{ oids: string }>(
      "SELECT array_to_string(parameter_types::oid[], ',') AS oids FROM pg_prepared_statements WHERE name = 'drakkar_check'",
      [],
    )
    const oids = rows[0]?.oids ?? ''
    const types = await typesOf(session, oids === '' ? [] : oids.split(','))
    // What is prepared outlives the transaction.
    await session.script('DEALLOCATE drakkar_check')
    return types
  } finally {
    await session.script('ROLLBACK')
  }
}
