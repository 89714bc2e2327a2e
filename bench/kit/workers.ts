import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

const BENCH = join(import.meta.dirname, '..')
const ROOT = join(BENCH, '..')
const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'drakkar', 'peers')

/** What one task does: `/bin/true`, a static program that exits at once, or nothing (a precomputed result). */
export type Case = 'true' | 'noop' | 'pre'

/** Where one run takes its messages and leaves its results. */
export interface Place {
  readonly brokers: string
  readonly group: string
  readonly input: string
  readonly output: string
  readonly messages: number
  /** Folder for configuration, log and figures. */
  readonly folder: string
}

export interface Launch {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/** One kind of worker with its settings. */
export interface Contender {
  readonly name: string
  launch(kind: Case, place: Place): Launch
}

export const EXECUTORS = 8

/** Queued messages at which intake pauses and resumes that are best for the ancestor: fewer starve it, more cost it memory. */
function bestQueue(kind: Case): readonly [number, number] {
  return kind === 'pre' ? [6000, 3000] : [4000, 2000]
}

/** This project. `queue`: the ancestor's best limits, or the defaults of the configuration. */
export function ours(queue: 'same' | 'defaults', nodeArgs: readonly string[] = []): Contender {
  return {
    name: queue === 'same' ? 'drakkar (node), same queue' : 'drakkar (node), defaults',
    launch: (kind, place) => {
      const config = join(place.folder, 'drakkar.yaml')
      // JSON is YAML.
      writeFileSync(config, JSON.stringify(ourConfig(kind, place, queue), null, 2))
      const main = join(ROOT, 'src', 'cli', 'main.ts')
      const handler = join(BENCH, 'handlers', 'tasks.ts')
      return {
        command: process.execPath,
        args: ['--conditions=drakkar-src', ...nodeArgs, main, 'run', handler, '-c', config],
        env: { BENCH_CASE: kind, BENCH_N: String(place.messages), BENCH_FIGURES: join(place.folder, 'figures.json') },
      }
    },
  }
}

function ourConfig(kind: Case, place: Place, queue: 'same' | 'defaults'): object {
  const [high, low] = (process.env['BENCH_QUEUE']?.split(',').map(Number) ?? bestQueue(kind)) as [number, number]
  return {
    kafka: { brokers: place.brokers },
    sources: { kafka: { topic: [place.input], consumer_group: place.group } },
    executor: {
      binary_path: kind === 'noop' ? noopProgram() : '/bin/true',
      max_executors: EXECUTORS,
      ...(queue === 'same'
        ? {
            window_size: 200,
            backpressure_high_multiplier: high / EXECUTORS,
            backpressure_low_multiplier: low / EXECUTORS,
          }
        : {}),
    },
    sinks: { kafka: { out: { topic: place.output } } },
    dlq: { oversize_dir: join(place.folder, 'dead-letters') },
    metrics: { host: '127.0.0.1', port: 0 },
  }
}

/** py-drakkar 2.4, with nothing that only looks at it. `tuned`: the best queue found; `docs`: its documentation's. */
export function ancestor(queue: 'tuned' | 'docs'): Contender {
  return {
    name: `py-drakkar 2.4, ${queue}`,
    launch: (kind, place) => ({
      command: join(installAncestor(), 'bin', 'python'),
      args: [join(BENCH, 'peers', 'drakkar_worker.py')],
      env: {
        BENCH_CASE: kind,
        BENCH_EXECUTORS: String(EXECUTORS),
        BENCH_BP: queue === 'tuned' ? bestQueue(kind).join(',') : '',
        BENCH_NOOP: noopProgram(),
        BENCH_BROKERS: place.brokers,
        BENCH_GROUP: place.group,
        BENCH_IN: place.input,
        BENCH_OUT: place.output,
        BENCH_DIR: place.folder,
      },
    }),
  }
}

/** The ancestor's virtual environment; installed once per machine and list of requirements. */
export function installAncestor(): string {
  const home = join(CACHE, 'py-drakkar-2.4.0')
  if (existsSync(join(home, 'complete'))) return home
  const python = findPython()
  console.error(`installing py-drakkar into ${home}`)
  rmSync(home, { recursive: true, force: true })
  mkdirSync(CACHE, { recursive: true })
  const run = (command: string, ...args: string[]): void =>
    void execFileSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  run(python, '-m', 'venv', home)
  const list = join(BENCH, 'peers', 'requirements.txt')
  const options = ['-q', '--disable-pip-version-check', '--only-binary', ':all:']
  run(join(home, 'bin', 'pip'), 'install', ...options, '-r', list)
  writeFileSync(join(home, 'complete'), '')
  return home
}

/** Python 3.13 or newer: from `PYTHON`, the PATH, or pyenv's versions. */
function findPython(): string {
  const pyenv = join(homedir(), '.pyenv', 'versions')
  const candidates = [
    ...(process.env['PYTHON'] === undefined ? [] : [process.env['PYTHON']]),
    'python3.14',
    'python3.13',
    'python3',
    ...(existsSync(pyenv) ? listOf(pyenv).map((version) => join(pyenv, version, 'bin', 'python')) : []),
  ]
  for (const candidate of candidates) {
    try {
      execFileSync(candidate, ['-c', 'import sys, ssl; sys.exit(sys.version_info < (3, 13))'], { stdio: 'ignore' })
      return candidate
    } catch {
      // Not there, or too old: the next one.
    }
  }
  throw new Error('the ancestor needs Python 3.13 or newer: name one in PYTHON')
}

function listOf(folder: string): string[] {
  return execFileSync('ls', ['-1', folder], { encoding: 'utf8' }).split('\n').filter(Boolean)
}

/** A static program without a C library that exits at once: the least that a launch can cost. */
function noopProgram(): string {
  const path = join(CACHE, 'noop')
  if (existsSync(path)) return path
  mkdirSync(dirname(path), { recursive: true })
  const draft = `${path}.${process.pid}`
  execFileSync('gcc', ['-O2', '-static', '-nostdlib', '-o', draft, join(BENCH, 'peers', 'small.c')], {
    stdio: 'inherit',
  })
  renameSync(draft, path)
  return path
}
