import { createHash } from 'node:crypto'
import { DrakkarError, reasonOf } from '../../../model/index.ts'
import type { LuaScript } from './guarded-scripts.ts'
import { shown } from './redis-error.ts'
import type { RedisLink } from './redis-link.ts'
import { slotOf } from './slots.ts'

const TEXT = "return redis.call('DEL', KEYS[1])"
/** A write that changes nothing: nobody has a key of this name. */
const NO_WRITE: LuaScript = { text: TEXT, sha: createHash('sha1').update(TEXT).digest('hex') }

/** Whether scripts may write there; the link must be connected. Rejects with SINK_UNAVAILABLE and what to do. */
export async function lookAtRedis(link: RedisLink, name: string, keyPrefix: string): Promise<void> {
  const key = `${keyPrefix}drakkar:doctor`
  const { answers } = await link.run(
    [{ script: NO_WRITE, keys: [key], args: [], records: [0], slot: slotOf(key) }],
    null,
  )
  const [answer] = answers
  if (!(answer instanceof Error)) return
  const reason = shown(reasonOf(answer))
  throw new DrakkarError('SINK_UNAVAILABLE', `sinks.redis.${name}: Redis takes no writes: ${reason}`, {
    cause: answer,
    advice: adviceFor(reason, key),
  })
}

function adviceFor(reason: string, key: string): string {
  if (/READONLY/.test(reason)) return 'That server is a replica: name the master in url, or sentinels that know it.'
  if (/NOPERM/.test(reason))
    return `Let the user run EVAL and EVALSHA, and write its keys and ${key.replace(/doctor$/, '*')}.`
  return 'The server must take writes before a worker can deliver there.'
}
