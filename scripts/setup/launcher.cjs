'use strict'
// The native launcher, from its sources in launcher/: compiled with the C compiler of this machine, when they have changed.
const { spawnSync } = require('node:child_process')
const crypto = require('node:crypto')
const fs = require('node:fs')
const path = require('node:path')
const { run } = require('./run.cjs')
const { say } = require('./say.cjs')

const FLAGS = ['-std=c11', '-D_GNU_SOURCE', '-O2', '-Wall', '-Wextra', '-Wpedantic']

/** Makes .cache/launcher/launchers.json and what it names: `#native-launchers` of package.json, in this repository. */
async function launcher(root) {
  const folder = path.join(root, '.cache', 'launcher')
  const source = sourceHash(root)
  const compiler = process.env.CC || 'cc'
  const known = readList(folder)
  if (known !== null && known.source === source && isThere(folder, known)) return
  // Without a compiler it is not said each time.
  const why = reasonAgainst(compiler)
  if (why !== null && known !== null && known.reason === why) return
  fs.mkdirSync(folder, { recursive: true })
  if (why !== null) {
    say(`no native launcher: ${why}. The Node launchers serve, slower and without CPU time and memory of each run`)
    writeList(folder, { source, reason: why, programs: {} })
    return
  }
  const platform = `${process.platform}-${process.arch}`
  const file = `drakkar-launcher-${platform}-${source.slice(0, 12)}`
  await compile(root, [compiler], path.join(folder, file))
  writeList(folder, { source, programs: { [platform]: entryOf(folder, file) } })
  for (const name of fs.readdirSync(folder)) {
    if (name.startsWith('drakkar-launcher-') && name !== file) fs.rmSync(path.join(folder, name))
  }
  say(`native launcher: compiled with ${compiler}`)
}

/** Why this machine cannot compile one for itself, or null. */
function reasonAgainst(compiler) {
  if (process.platform !== 'linux') return `there is none for ${process.platform}`
  if (spawnSync(compiler, ['--version'], { stdio: 'ignore' }).status === 0) return null
  return `there was no C compiler (${compiler}) at set-up`
}

/** `command`: the compiler and its first arguments. Written beside and renamed: a running worker may execute the old one. */
async function compile(root, command, target, env = process.env) {
  const draft = `${target}.${process.pid}`
  const folder = path.join(root, 'launcher')
  const names = fs.readdirSync(folder).filter((name) => name.endsWith('.c'))
  const sources = names.sort().map((name) => path.join(folder, name))
  const [program, ...first] = command
  await run(program, [...first, ...FLAGS, '-o', draft, ...sources], {
    cwd: root,
    env,
    log: path.join(root, '.cache', 'launcher.log'),
    timeoutMs: 600_000,
  })
  fs.renameSync(draft, target)
}

function sourceHash(root) {
  const folder = path.join(root, 'launcher')
  const hash = crypto.createHash('sha256').update(FLAGS.join(' '))
  for (const name of fs.readdirSync(folder).sort()) {
    if (/\.[ch]$/.test(name)) hash.update(`\n${name}\n`).update(fs.readFileSync(path.join(folder, name)))
  }
  return hash.digest('hex')
}

/** What the worker compares before it starts the file. */
function entryOf(folder, file) {
  const sha256 = crypto
    .createHash('sha256')
    .update(fs.readFileSync(path.join(folder, file)))
    .digest('hex')
  return { file, sha256 }
}

function writeList(folder, list) {
  const file = path.join(folder, 'launchers.json')
  fs.writeFileSync(`${file}.${process.pid}`, `${JSON.stringify(list, null, 2)}\n`)
  fs.renameSync(`${file}.${process.pid}`, file)
}

function readList(folder) {
  try {
    return JSON.parse(fs.readFileSync(path.join(folder, 'launchers.json'), 'utf8'))
  } catch {
    return null
  }
}

function isThere(folder, { programs }) {
  const files = Object.values(programs)
  return files.length > 0 && files.every(({ file }) => fs.existsSync(path.join(folder, file)))
}

module.exports = { compile, entryOf, launcher, reasonAgainst, writeList }
