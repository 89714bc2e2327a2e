import { mkdirSync, openSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { isatty } from 'node:tty'
import pretty from 'pino-pretty'
import { DrakkarError, reasonOf } from '../../model/index.ts'
import { LEVEL_LABELS } from './level.ts'
import { LineWriter } from './line-writer.ts'

export interface DestinationOptions {
  readonly format: 'json' | 'console'
  /** `stderr`, `stdout`, or the path of a file with `{worker_id}` and `{cluster_name}`; its folders are created. */
  readonly output: string
  readonly workerId: string
  readonly clusterName?: string
  /** Colours on the console. Default: where the output is a terminal. */
  readonly color?: boolean
}

/** Where lines go. */
export interface Destination {
  write(line: string): void
  /** Writes out at once what is buffered. */
  flushSync(): void
  /** Writes out what is buffered and gives up the file; resolves when it is done. */
  close(): Promise<void>
}

/**
 * Opens the output. Lines are buffered and written off the event loop; what is buffered is written when the process exits. Throws `CONFIG_INVALID` where a file cannot be opened. An output that fails later loses lines, is named on
 * stderr once, and never ends the worker.
 */
export function openDestination(options: DestinationOptions): Destination {
  const fd = open(options)
  const render = options.format === 'json' ? asIs : prettyPrinter(options.color ?? isatty(fd))
  const writer = new LineWriter({
    fd,
    onError: (error) => {
      if (fd !== 2) complain(`drakkar: log lines are lost, ${options.output} cannot be written: ${reasonOf(error)}\n`)
    },
    lostLine: (count) => {
      const timestamp = new Date().toISOString()
      return render(`${JSON.stringify({ level: 'error', timestamp, event: 'log_lines_lost', count })}\n`)
    },
  })
  return {
    write: (line) => writer.write(render(line)),
    flushSync: () => writer.flushSync(),
    close: () => writer.close(),
  }
}

function complain(text: string): void {
  try {
    writeSync(2, text)
  } catch {
    // stderr takes nothing either: there is nobody left to tell.
  }
}

/** The path of a log file with its placeholders filled in. */
export function outputPath(options: Pick<DestinationOptions, 'output' | 'workerId' | 'clusterName'>): string {
  return options.output
    .replaceAll('{worker_id}', () => fileName(options.workerId))
    .replaceAll('{cluster_name}', () => fileName(options.clusterName ?? ''))
}

function fileName(text: string): string {
  return text.replaceAll(/[/\\\0]/g, '_')
}

function open(options: DestinationOptions): number {
  if (options.output === 'stderr') return 2
  if (options.output === 'stdout') return 1
  const path = outputPath(options)
  try {
    mkdirSync(dirname(path), { recursive: true })
    return openSync(path, 'a')
  } catch (error) {
    throw new DrakkarError('CONFIG_INVALID', `logging.output: ${path} cannot be opened: ${reasonOf(error)}`, {
      cause: error,
      advice: 'Use a path that the worker may write to, or stderr or stdout.',
    })
  }
}

function asIs(line: string): string {
  return line
}

function prettyPrinter(colorize: boolean): (line: string) => string {
  return pretty.prettyFactory({
    colorize,
    messageKey: 'event',
    timestampKey: 'timestamp',
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'service_name,service_version,worker_id,consumer_group,category',
    singleLine: true,
    customLevels: Object.fromEntries(Object.values(LEVEL_LABELS).map((label, index) => [label, (index + 2) * 10])),
    customColors: 'debug:blue,info:green,warning:yellow,error:red,critical:bgRed',
  }) as (line: string) => string
}
