import type { Sink } from '../../flow/sinks/index.ts'

/** What was found at a sink that can be used. */
export interface SinkFacts {
  /** What is there, in one line; null where the warnings say it all. */
  readonly says: string | null
  readonly warnings?: readonly { readonly says: string; readonly advice: string }[]
}

/** A sink of the configuration that somebody wants to look at without a worker. */
export interface SinkCheck {
  /** Its place in the configuration: `sinks.redis.main`. */
  readonly path: string
  /**
   * Connects as a worker does at its start, asks, writes nothing, and closes. Rejects with what is wrong and what to do, or
   * with a plain error.
   */
  run(): Promise<SinkFacts>
}

/** Longest wait for a connection where somebody waits for the answer; less where the configuration says less. */
export const PATIENCE_SECONDS = 8

/** Runs `look`, and closes the sink whatever came of it. */
export async function closing<Opened extends Pick<Sink, 'connect' | 'close'>>(
  sink: Opened,
  look: (sink: Opened) => Promise<SinkFacts>,
): Promise<SinkFacts> {
  try {
    return await look(sink)
  } finally {
    // What was found is not worth less for it.
    await sink.close().catch(() => undefined)
  }
}
