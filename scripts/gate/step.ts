import { spawn } from 'node:child_process'
import { delimiter, join } from 'node:path'

/** How one step of the gate went. */
export interface StepResult {
  readonly name: string
  readonly ok: boolean
  readonly seconds: number
  /** What to say beside it, such as the number of tests. */
  readonly note: string
}

/** One step of the gate. */
export interface Step {
  readonly name: string
  /** A command line of the repository's own tools. */
  readonly command: string
  /** Show its output while it runs; else only after it failed. */
  readonly live: boolean
  /** Read after the step, for the table. */
  readonly note?: () => string
}

/** Runs a step to its end; never throws, whatever the command does. */
export async function runStep(root: string, step: Step): Promise<StepResult> {
  const began = performance.now()
  process.stdout.write(`\n▸ ${step.name}: ${step.command}\n`)
  const { code, output } = await runCommand(root, step.command, step.live)
  if (code !== 0 && !step.live) process.stdout.write(`${output.trimEnd()}\n`)
  const seconds = (performance.now() - began) / 1000
  return { name: step.name, ok: code === 0, seconds, note: step.note?.() ?? '' }
}

function runCommand(root: string, command: string, live: boolean): Promise<{ code: number; output: string }> {
  const env = { ...process.env, PATH: `${join(root, 'node_modules', '.bin')}${delimiter}${process.env['PATH'] ?? ''}` }
  const child = spawn(command, {
    cwd: root,
    env,
    shell: true,
    stdio: ['ignore', live ? 'inherit' : 'pipe', live ? 'inherit' : 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const pass = (signal: NodeJS.Signals): void => {
    child.kill(signal)
  }
  process.on('SIGTERM', pass)
  process.on('SIGINT', pass)
  return new Promise((resolve) => {
    const finish = (code: number, more: string): void => {
      process.removeListener('SIGTERM', pass)
      process.removeListener('SIGINT', pass)
      resolve({ code, output: output + more })
    }
    child.on('error', (error) => finish(1, `could not start: ${error.message}`))
    child.on('close', (code, signal) => finish(code ?? 1, signal === null ? '' : `ended by ${signal}\n`))
  })
}
