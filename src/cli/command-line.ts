import { VERSION } from '../app/version.ts'
import { DrakkarError, reasonOf } from '../model/index.ts'

/** What a command may touch of the process; tests give their own. */
export interface CommandIo {
  readonly stdin: NodeJS.ReadableStream
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean }
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean }
  readonly env: Readonly<Record<string, string | undefined>>
}

type Command = (args: readonly string[], io: CommandIo) => Promise<number>

/** Commands are loaded when they are called, so that `--help` costs nothing and `run` starts its launcher first. */
const COMMANDS: Readonly<Record<string, { readonly says: string; readonly load: () => Promise<Command> }>> = {
  run: { says: 'run a handler until it is stopped', load: async () => (await import('./commands/run.ts')).runCommand },
  produce: {
    says: 'write JSON lines from stdin to a topic',
    load: async () => (await import('./commands/produce.ts')).produceCommand,
  },
  dlq: {
    says: 'look at dead letters, and put them back',
    load: async () => (await import('./commands/dlq.ts')).dlqCommand,
  },
  conform: {
    says: 'examine a program for executor.pool, rule by rule',
    load: async () => (await import('./commands/conform.ts')).conformCommand,
  },
  config: {
    says: 'check, show or describe the configuration',
    load: async () => (await import('./commands/config.ts')).configCommand,
  },
  status: {
    says: 'what a worker on this machine does now, and why',
    load: async () => (await import('./commands/status.ts')).statusCommand,
  },
  cancel: { says: 'end one task', load: async () => (await import('./commands/steer.ts')).steerCommand('cancel') },
  set: {
    says: 'change max_executors of a running worker',
    load: async () => (await import('./commands/steer.ts')).steerCommand('set'),
  },
  pause: {
    says: 'take in nothing more of a partition',
    load: async () => (await import('./commands/steer.ts')).steerCommand('pause'),
  },
  resume: {
    says: 'end a pause',
    load: async () => (await import('./commands/steer.ts')).steerCommand('resume'),
  },
  doctor: {
    says: 'check everything that a worker needs, one line each',
    load: async () => (await import('./commands/doctor.ts')).doctorCommand,
  },
}

const USAGE = `drakkar ${VERSION}: messages from Kafka through your programs to your sinks, with nothing lost

Usage: drakkar <command> [options]

${Object.entries(COMMANDS)
  .map(([name, { says }]) => `  ${name.padEnd(10)} ${says}`)
  .join('\n')}

  --help     this text; after a command: its own
  --version  the version

Exit status: 0 done · 2 wrong usage or configuration · 3 something outside is missing · 70–73 a failure while running;
the list is in docs/reference/errors.md.
`

/** Runs one command line and answers the exit status. */
export async function main(args: readonly string[], io: CommandIo): Promise<number> {
  const [name, ...rest] = args
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    ;(name === undefined ? io.stderr : io.stdout).write(USAGE)
    return name === undefined ? 2 : 0
  }
  if (name === '--version' || name === '-v') {
    io.stdout.write(`${VERSION}\n`)
    return 0
  }
  const command = COMMANDS[name]
  try {
    if (command === undefined) {
      throw new DrakkarError('USAGE', `there is no command \`${name}\``, {
        advice: `Commands: ${Object.keys(COMMANDS).join(', ')}.`,
      })
    }
    return await (await command.load())(rest, io)
  } catch (error) {
    return complain(error, io)
  }
}

function complain(error: unknown, io: CommandIo): number {
  if (!(error instanceof DrakkarError)) {
    // parseArgs throws plain errors with a code of its own for what the user typed.
    const typed = String((error as { code?: unknown }).code).startsWith('ERR_PARSE_ARGS')
    io.stderr.write(
      typed ? `drakkar: ${reasonOf(error)}\n` : `drakkar: ${error instanceof Error ? error.stack : reasonOf(error)}\n`,
    )
    return typed ? 2 : 1
  }
  io.stderr.write(
    `drakkar: ${error.message}\n${error.advice === undefined ? '' : `  ${error.advice.replaceAll('\n', '\n  ')}\n`}`,
  )
  return error.exitCode
}
