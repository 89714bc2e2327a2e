import { type Config, warnings } from '../../../config/index.ts'
import { type Finding, ok, warning } from './finding.ts'

/** Settings that are valid and do not go together well; CPUs and missing sinks have lines of their own. */
export function settingFindings(config: Config): readonly Finding[] {
  const { sources, hookStallSeconds } = config
  const { sessionTimeoutMs: session, heartbeatIntervalMs: heartbeat, maxPollIntervalMs: poll } = sources.kafka
  const found = warnings(config, Number.POSITIVE_INFINITY)
    .filter((line) => !line.startsWith('no sink'))
    .map((line) => warning('settings', line))
  if (hookStallSeconds * 1000 > poll) {
    const says = `a blocking hook ends the worker after ${hookStallSeconds} s, but the broker evicts after ${poll / 1000} s`
    found.push(warning('settings', says, 'Lower hook_stall_seconds, or raise sources.kafka.max_poll_interval_ms.'))
  }
  if (found.length > 0) return found
  return [ok('settings', `session ${session} ms, heartbeat ${heartbeat} ms, poll ${poll} ms: they fit together`)]
}
