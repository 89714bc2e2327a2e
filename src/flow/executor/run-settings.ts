import type { TaskLimits } from '../../model/index.ts'
import { SETTINGS, type Setting } from './launcher/start-frame.ts'

/** What every run gets, and a task can say otherwise. */
export interface RunSettings {
  readonly limits: TaskLimits
  /** 0 to 19. */
  readonly nice: number
  /** Null: the worker's. */
  readonly umask: number | null
  readonly runAs: { readonly uid: number; readonly gid: number } | null
}

const LIMITS: readonly (readonly [keyof TaskLimits, number])[] = [
  ['memoryBytes', SETTINGS.memory],
  ['cpuSeconds', SETTINGS.cpu],
  ['fileBytes', SETTINGS.fileSize],
  ['openFiles', SETTINGS.openFiles],
  ['processes', SETTINGS.processes],
  ['coreBytes', SETTINGS.core],
]

/** As a launcher takes them, in the order in which they are made: the user last, as it takes the right to the others away. */
export function settingsList({ limits, nice, umask, runAs }: RunSettings): readonly Setting[] {
  const list: Setting[] = []
  for (const [name, what] of LIMITS) {
    const most = limits[name]
    if (most !== undefined) list.push([what, most])
  }
  if (nice > 0) list.push([SETTINGS.nice, nice])
  if (umask !== null) list.push([SETTINGS.umask, umask])
  if (runAs !== null) list.push([SETTINGS.group, runAs.gid], [SETTINGS.user, runAs.uid])
  return list
}

/** Why launchers of this kind cannot give every run these settings; null where they can. */
export function settingsProblem(settings: RunSettings, launchers: string, user: number | undefined): string | null {
  const limited = Object.values(settings.limits).some((most) => most !== undefined)
  if (launchers !== 'native' && (limited || settings.nice > 0)) {
    const option = limited ? 'executor.limits' : 'executor.nice'
    return `${option} needs native launchers, and here the Node ones serve`
  }
  if (settings.runAs !== null && user !== 0) {
    return `executor.run_as needs a worker that is root, and this one is user ${user ?? 'unknown'}`
  }
  return null
}
