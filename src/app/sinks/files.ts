import type { Config } from '../../config/index.ts'
import { createFileSink } from '../../flow/sinks/index.ts'
import { type BuiltSink, limits } from './built.ts'

export function fileSinks(config: Config): BuiltSink[] {
  return Object.entries(config.sinks.filesystem).map(([name, sink]) => ({
    sink: createFileSink({ name, basePath: sink.basePath, fsync: sink.fsync, maxOpenFiles: sink.maxOpenFiles }),
    batch: limits(sink),
  }))
}
