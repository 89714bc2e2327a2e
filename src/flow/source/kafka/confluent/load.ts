import { createRequire } from 'node:module'
import { DrakkarError, reasonOf } from '../../../../model/index.ts'
import type { RdKafka } from './client-types.ts'

const PACKAGE = '@confluentinc/kafka-javascript'

const load = createRequire(import.meta.url)
let loaded: RdKafka | undefined

/**
 * The native client, loaded at the first call and kept: it can be loaded by one thread of a process only.
 * Throws `CLIENT_MISSING` with what to do where the addon is not there or does not fit.
 */
export function loadClient(require: (name: string) => unknown = load): RdKafka {
  if (loaded) return loaded
  try {
    const { RdKafka: api } = require(PACKAGE) as { RdKafka: Omit<RdKafka, 'err2str'> }
    const { err2str } = require(`${PACKAGE}/librdkafka`) as Pick<RdKafka, 'err2str'>
    const client = { ...api, err2str }
    if (require === load) loaded = client
    return client
  } catch (error) {
    throw clientMissing(error)
  }
}

/** Names the cause that the loader's error speaks of first, then the other two: they look alike from outside. */
function clientMissing(error: unknown): DrakkarError {
  const abi = `Node ${process.version} (ABI ${process.versions.modules}, ${process.platform} ${process.arch})`
  const scriptBlocked =
    'its install script was blocked (npm 12 and pnpm 10 do so by default): ' +
    `run \`npm install-scripts approve ${PACKAGE} && npm rebuild ${PACKAGE}\``
  const noPrebuild =
    `there is no prebuilt binary for ${abi}, or it could not be downloaded: compile it with ` +
    `\`CKJS_LINKING=dynamic npm rebuild ${PACKAGE}\` (needs a C++ compiler, libssl-dev, zlib1g-dev, libzstd-dev)`
  const wrongAbi =
    `it was built for another Node than ${abi}, or against the headers of another one: ` +
    `run \`npm_config_nodedir= npm rebuild ${PACKAGE}\` with the Node that runs the worker`
  const reason = reasonOf(error)
  const dlopen = (error as { code?: unknown }).code === 'ERR_DLOPEN_FAILED' || /NODE_MODULE_VERSION/.test(reason)
  const causes = dlopen ? [wrongAbi, scriptBlocked, noPrebuild] : [scriptBlocked, noPrebuild, wrongAbi]
  return new DrakkarError('CLIENT_MISSING', `The Kafka client (${PACKAGE}) cannot be loaded: ${firstLine(reason)}`, {
    cause: error,
    advice: `One of three things is the cause, the likeliest first:\n${causes.map((cause, at) => `${at + 1}. ${cause}`).join('\n')}`,
  })
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? text
}
