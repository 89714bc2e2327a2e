import { execFileSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EXAMPLES } from './pool-kit.ts'

export interface ExampleWorker {
  readonly name: string
  readonly protocol: 'json' | 'frames'
  /** Why it cannot run here; null where it can. */
  readonly missing: string | null
  /** Its file, built where it has to be. */
  readonly program: () => string
  /** What it answers to the stdin `hello`. */
  readonly answer: RegExp
  /** It may have several tasks at once. */
  readonly concurrent: boolean
}

const folder = mkdtempSync(join(tmpdir(), 'pool-examples-'))

function lacking(tool: string, ...args: readonly string[]): string | null {
  try {
    execFileSync(tool, args, { stdio: 'ignore' })
    return null
  } catch {
    return `there is no ${tool}`
  }
}

function built(tool: string, args: readonly string[], source: string): () => string {
  const program = join(folder, tool)
  let done = false
  return () => {
    if (!done) execFileSync(tool, [...args, '-o', program, join(EXAMPLES, source)], { cwd: folder, stdio: 'inherit' })
    done = true
    return program
  }
}

const script = (name: string) => (): string => join(EXAMPLES, name)

/** Every example of a persistent process. */
export const exampleWorkers: readonly ExampleWorker[] = [
  {
    name: 'Python',
    protocol: 'json',
    missing: lacking('python3', '--version'),
    program: script('worker.py'),
    answer: /^HELLO$/,
    concurrent: true,
  },
  {
    name: 'bash',
    protocol: 'json',
    missing: lacking('bash', '--version'),
    program: script('worker.sh'),
    answer: /^\d+ characters$/,
    concurrent: false,
  },
  { name: 'Node', protocol: 'json', missing: null, program: script('worker.mjs'), answer: /^HELLO$/, concurrent: true },
  {
    name: 'Go',
    protocol: 'json',
    missing: lacking('go', 'version'),
    program: built('go', ['build'], 'worker.go'),
    answer: /^HELLO$/,
    concurrent: true,
  },
  {
    name: 'C',
    protocol: 'frames',
    missing: lacking('cc', '--version'),
    program: built('cc', ['-O2', '-Wall', '-Wextra', '-Werror'], 'worker.c'),
    answer: /^HELLO$/,
    concurrent: true,
  },
]
