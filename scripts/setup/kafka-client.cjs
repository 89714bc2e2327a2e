'use strict'
// The Kafka client is a native addon. In order: the one in the tree, a build kept from another tree, the publisher's download,
// a compilation.
const { spawnSync } = require('node:child_process')
const crypto = require('node:crypto')
const fs = require('node:fs')
const { createRequire } = require('node:module')
const os = require('node:os')
const path = require('node:path')
const { npm } = require('./npm.cjs')
const { run } = require('./run.cjs')
const { say, step } = require('./say.cjs')
const { command, LIBRARIES, prepareCompilation, presentLibraries } = require('./system-packages.cjs')
const { restore, store } = require('./addon-cache.cjs')

const PACKAGE = '@confluentinc/kafka-javascript'
const DOWNLOAD_LIMIT_MS = 20_000

/** Makes the client load under `node`; free when it did the last time and nothing has changed since. */
async function kafkaClient(root, node) {
  const dir = path.join(root, 'node_modules', PACKAGE)
  const stamp = path.join(root, 'node_modules', '.cache', 'drakkar', 'kafka-client.json')
  if (isStamped(stamp, dir, node)) return
  const { origin, found } = await obtain(root, dir, node)
  say(`Kafka client ${versionOf(dir)} with librdkafka ${found.version}: ${origin}`)
  tellWhatIsMissing(found.features)
  fs.mkdirSync(path.dirname(stamp), { recursive: true })
  fs.writeFileSync(stamp, fingerprint(dir, node))
}

async function obtain(root, dir, node) {
  const usable = () => {
    const found = probe(dir, node)
    return found.error === undefined && complete(found.features) ? found : null
  }
  const keep = (found, origin) => {
    store(dir, keyOf(dir, node))
    return { origin, found }
  }
  let found = usable()
  if (found) return keep(found, 'built already')
  if (restore(dir, keyOf(dir, node))) {
    found = usable()
    if (found) return { origin: 'taken from the cache', found }
  }
  if (await download(root, dir, node)) {
    found = usable()
    if (found) return keep(found, 'downloaded')
  }
  await compile(root, dir, node)
  found = probe(dir, node)
  if (found.error !== undefined) {
    throw new Error(`the Kafka client was compiled but Node ${node.version} cannot load it: ${found.error}`)
  }
  return keep(found, 'compiled')
}

async function download(root, dir, node) {
  const installer = createRequire(path.join(dir, 'package.json')).resolve('@mapbox/node-pre-gyp/bin/node-pre-gyp')
  try {
    await run(node.path, [installer, 'install'], {
      cwd: dir,
      env: process.env,
      log: path.join(root, '.cache', 'kafka-client-download.log'),
      timeoutMs: DOWNLOAD_LIMIT_MS,
    })
    return true
  } catch {
    say("the publisher's build of the Kafka client cannot be fetched from here (.cache/kafka-client-download.log)")
    return false
  }
}

async function compile(root, dir, node) {
  await prepareCompilation(root)
  const { command, args, env } = npm(root)
  await step(`compiling the Kafka client ${versionOf(dir)}, once for this machine, 1 to 3 minutes`, () =>
    run(command, [...args, 'rebuild', PACKAGE, '--foreground-scripts'], {
      cwd: root,
      env: {
        ...env,
        CKJS_LINKING: 'dynamic',
        // Not JOBS: with more than one the package's makefile wants config.h before its rule has written it.
        JOBS: '1',
        npm_config_build_from_source: 'true',
        npm_config_ignore_scripts: 'false',
        // A nodedir in the user's own npmrc may hold the headers of another Node: the result would not load.
        ...(node.prefix === null ? {} : { npm_config_nodedir: node.prefix }),
      },
      log: path.join(root, '.cache', 'kafka-client-compile.log'),
    }),
  )
}

/** Loads the client in a process of its own: `{ version, features }`, or `{ error }`. */
function probe(dir, node) {
  const script = `const k = require(${JSON.stringify(dir)}); console.log(JSON.stringify({ version: k.librdkafkaVersion, features: k.features }))`
  const answer = spawnSync(node.path, ['-e', script], { encoding: 'utf8' })
  if (answer.status === 0) return JSON.parse(answer.stdout)
  const lines = (answer.stderr || String(answer.error)).split('\n')
  return { error: lines.find((line) => /Error/.test(line)) || lines[0] }
}

/** An addon from before a library was installed is to be built again. Only what records are read with counts here. */
function complete(features) {
  return presentLibraries().every(
    ({ feature }) => !['ssl', 'zstd', 'gzip'].includes(feature) || features.includes(feature),
  )
}

function tellWhatIsMissing(features) {
  const missing = LIBRARIES.filter(
    ({ feature }) => ['ssl', 'zstd', 'gzip'].includes(feature) && !features.includes(feature),
  )
  for (const library of missing) say(`it has no ${library.brings}; for it: ${command([library])}, then npm run setup`)
}

function versionOf(dir) {
  return JSON.parse(fs.readFileSync(path.join(dir, 'package.json'), 'utf8')).version
}

function keyOf(dir, node) {
  return `${versionOf(dir)}-abi${node.abi}-${process.platform}-${process.arch}-${librarySet()}`
}

/** Twelve letters for "what a compilation here links against". */
function librarySet() {
  const system =
    process.platform === 'linux' ? process.report.getReport().header.glibcVersionRuntime || 'musl' : os.release()
  const libraries = presentLibraries().map(({ deb }) => deb)
  return crypto
    .createHash('sha256')
    .update([system, ...libraries].join('\n'))
    .digest('hex')
    .slice(0, 12)
}

function fingerprint(dir, node) {
  const { size, mtimeMs } = fs.statSync(path.join(dir, 'build/Release/confluent-kafka-javascript.node'))
  return JSON.stringify({ key: keyOf(dir, node), size, mtimeMs })
}

function isStamped(stamp, dir, node) {
  try {
    return fs.readFileSync(stamp, 'utf8') === fingerprint(dir, node)
  } catch {
    return false
  }
}

module.exports = { kafkaClient }
