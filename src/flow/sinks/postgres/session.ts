/** An answer of the database. */
export interface Answer<Row> {
  readonly rows: readonly Row[]
  /** `INSERT`, `COMMIT`, …. */
  readonly command: string
}

/** One connection, for one batch. What is run without waiting goes out at once; answers come in order. */
export interface Session {
  /** Values are texts, which PostgreSQL turns into what the statement needs. Rejects with the driver's error. */
  run<Row extends object = object>(text: string, values: readonly (string | null)[]): Promise<Answer<Row>>
  /** Several commands without values, none of which is kept prepared. */
  script(text: string): Promise<void>
}

/** Where sessions come from. */
export interface PostgresLink {
  /** Rejects with SINK_UNAVAILABLE and what to do. */
  connect(): Promise<void>
  /**
   * Lends a connection. It is closed and not lent again where `work` rejects, or `signal` aborts meanwhile: what is under
   * way there is rolled back.
   */
  lend<T>(work: (session: Session) => Promise<T>, signal?: AbortSignal): Promise<T>
  /** Twice is fine. */
  close(): Promise<void>
  /** `host:port/database`, for errors. */
  readonly where: string
}
