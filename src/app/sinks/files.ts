import type { Config } from '../../config/index.ts'
import { createFileSink } from '../../flow/sinks/index.ts'
import { type BuiltSink, limits } from './built.ts'

/** Of `mode: file` where no path is given: unique, and the same when the record comes again. */
const OWN_FILE = '{topic}/{partition}/{id}'
const EXTENSIONS = { jsonl: '.json', csv: '.csv', raw: '' }

export function fileSinks(config: Config): BuiltSink[] {
  return Object.entries(config.sinks.filesystem).map(([name, sink]) => ({
    sink: createFileSink({
      name,
      basePath: sink.basePath,
      path: sink.path === '' && sink.mode === 'file' ? OWN_FILE + EXTENSIONS[sink.format] : sink.path,
      mode: sink.mode,
      format: sink.format,
      csv: { ...sink.csv, columns: sink.csv.columns.length === 0 ? null : sink.csv.columns },
      compression: sink.compression,
      rotation: { bytes: sink.rotateBytes, ms: sink.rotateSeconds * 1000 },
      remember: sink.rememberRecords,
      fsync: sink.fsync,
      maxOpenFiles: sink.maxOpenFiles,
    }),
    batch: limits(sink),
  }))
}
