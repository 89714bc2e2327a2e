import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DrakkarError, reasonOf } from '../../../model/index.ts'

/** `native`: a small program of C, only for Linux. `node`: serves everywhere, slower, and with the gaps that PROTOCOL.md names. */
export type LauncherKind = 'native' | 'node'

/** A program that can be started as a launcher: `<command> <args…> <socket> <index>`. */
export interface LauncherProgram {
  readonly kind: LauncherKind
  readonly command: string
  readonly args: readonly string[]
}

/** What to try, in order; `reason`: why the native one is not among it. */
export interface LauncherChoice {
  readonly programs: readonly [LauncherProgram, ...LauncherProgram[]]
  readonly reason: string | null
}

/** The list that is written where the native launchers are built: one for each platform, or why there is none. */
interface NativeLaunchers {
  readonly reason?: string
  readonly programs: Readonly<Record<string, { readonly file: string; readonly sha256: string }>>
}

/** Where else to look than in this package. */
export interface LauncherPlaces {
  /** The only program that is tried: a script for Node. */
  readonly program?: string
  /** List of native launchers. */
  readonly nativeLaunchers?: string
}

/** Chooses between the kinds. Fails with LAUNCHER_FAILED where the kind that is asked for cannot be had. */
export function chooseLauncher(wanted: string | undefined, places: LauncherPlaces = {}): LauncherChoice {
  const node = nodeLauncher(places.program ?? fileURLToPath(import.meta.resolve('#node-launcher')))
  if (places.program !== undefined) return { programs: [node], reason: null }
  const kind = wantedKind(wanted)
  if (kind === 'node') return { programs: [node], reason: 'Node launchers were asked for' }
  const native = nativeLauncher(places.nativeLaunchers ?? fileURLToPath(import.meta.resolve('#native-launchers')))
  if (typeof native !== 'string') return { programs: kind === 'native' ? [native] : [native, node], reason: null }
  if (kind === 'auto') return { programs: [node], reason: native }
  throw new DrakkarError('LAUNCHER_FAILED', `There is no native launcher: ${native}.`, {
    advice: 'Without DRAKKAR_LAUNCHER=native the Node launchers serve.',
  })
}

function wantedKind(wanted: string | undefined): LauncherKind | 'auto' {
  if (wanted === undefined || wanted === '' || wanted === 'auto') return 'auto'
  if (wanted === 'native' || wanted === 'node') return wanted
  throw new DrakkarError('LAUNCHER_FAILED', `DRAKKAR_LAUNCHER is ${JSON.stringify(wanted)}.`, {
    advice: 'It can be auto, native or node.',
  })
}

function nodeLauncher(file: string): LauncherProgram {
  return { kind: 'node', command: process.execPath, args: ['--max-semi-space-size=1', file] }
}

/** The one for this machine, or why there is none. */
export function nativeLauncher(list: string): LauncherProgram | string {
  const platform = `${process.platform}-${process.arch}`
  if (process.platform !== 'linux') return `there is none for ${platform}`
  let launchers: NativeLaunchers
  try {
    launchers = JSON.parse(readFileSync(list, 'utf8')) as NativeLaunchers
  } catch (error) {
    return `${list} cannot be read (${reasonOf(error)})`
  }
  const found = launchers.programs[platform]
  if (found === undefined) return launchers.reason ?? `there is none for ${platform}`
  const file = join(dirname(list), found.file)
  try {
    // What is not what was built is not started: an interrupted installation, or a file of another version.
    const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex')
    if (sha256 !== found.sha256) return `${file} is not what was built: its checksum differs`
  } catch (error) {
    return `${file} cannot be read (${reasonOf(error)})`
  }
  return { kind: 'native', command: file, args: [] }
}
