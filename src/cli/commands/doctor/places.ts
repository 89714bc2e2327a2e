import { accessSync, constants, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, resolve } from 'node:path'
import type { Config } from '../../../config/index.ts'
import { reasonOf } from '../../../model/index.ts'
import { type Finding, ok, problem, warning } from './finding.ts'

/** Folders that a worker writes to. */
export function folderFindings({ sinks, dlq }: Config): readonly Finding[] {
  const findings = Object.entries(sinks.filesystem).map(([name, { basePath }]) => {
    const wrong = unwritable(basePath)
    if (wrong === null) return ok('folders', `sinks.filesystem.${name}: ${basePath}`)
    const advice = 'The folder must exist, and the user of the worker must be able to write there.'
    return problem('folders', `sinks.filesystem.${name}: ${basePath} ${wrong}`, advice)
  })
  const [setting, folder, instead] =
    dlq.type === 'file'
      ? ['dlq.path', dlq.path, 'set dlq.type to kafka']
      : ['dlq.oversize_dir', dlq.oversizeDir, 'set dlq.oversize to hold']
  if (dlq.type === 'kafka' && dlq.oversize !== 'file') return findings
  const wrong = unwritable(existing(resolve(folder)))
  if (wrong === null) return [...findings, ok('folders', `${setting}: ${folder}`)]
  const advice = `A worker makes this folder at its start: give one that it can write to, or ${instead}.`
  return [...findings, problem('folders', `${setting}: ${folder} ${wrong}`, advice)]
}

/** The path itself, or what of it exists already. */
function existing(path: string): string {
  const parent = dirname(path)
  return parent === path || statSync(path, { throwIfNoEntry: false }) !== undefined ? path : existing(parent)
}

function unwritable(path: string): string | null {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined) return 'does not exist'
  if (!found.isDirectory()) return 'is not a folder'
  try {
    accessSync(path, constants.W_OK | constants.X_OK)
    return null
  } catch (error) {
    return `cannot be written to (${(error as NodeJS.ErrnoException).code ?? reasonOf(error)})`
  }
}

/** Whether the port of metrics and health can be had. */
export async function portFindings({ metrics }: Config): Promise<readonly Finding[]> {
  const { enabled, host, port } = metrics
  if (!enabled) {
    const advice = 'Without them nobody sees /readyz: set metrics.enabled to true.'
    return [warning('metrics port', 'metrics and health are switched off', advice)]
  }
  const refused = await listeningFails(host, port)
  const place = `${host}:${port}`
  if (refused === null) return [ok('metrics port', port === 0 ? `${place}: any free one` : `${place} is free`)]
  if (refused === 'EADDRINUSE' && (await isWorker(port))) {
    const advice =
      'Nothing is wrong if that is this worker; a second one on this machine needs a metrics.port of its own.'
    return [warning('metrics port', `a worker of drakkar listens on ${place} already`, advice)]
  }
  const why = refused === 'EADDRINUSE' ? 'is in use by another process' : `cannot be had (${refused})`
  return [problem('metrics port', `${place} ${why}`, 'Set metrics.port to a free port; 0 takes any and logs it.')]
}

function listeningFails(host: string, port: number): Promise<string | null> {
  return new Promise((answer) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => answer(error.code ?? error.message))
    server.listen(port, host, () => server.close(() => answer(null)))
  })
}

async function isWorker(port: number): Promise<boolean> {
  try {
    const page = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(1_000) })
    return (await page.text()).includes('Drakkar worker')
  } catch {
    return false
  }
}
