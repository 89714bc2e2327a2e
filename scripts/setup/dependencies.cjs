'use strict'
const fs = require('node:fs')
const path = require('node:path')
const { npm } = require('./npm.cjs')
const { run } = require('./run.cjs')
const { step } = require('./say.cjs')

const OPTIONS = ['--ignore-scripts', '--no-audit', '--no-fund', '--include=dev', '--include=optional']

/** Installs what package-lock.json says, without install scripts, when node_modules is not already exactly that. */
async function dependencies(root) {
  const lock = readJson(path.join(root, 'package-lock.json')).packages
  refuseStaleLock(readJson(path.join(root, 'package.json')), lock[''])
  const reason = difference(root, lock)
  if (reason === null) return
  const { command, args, env } = npm(root)
  // Some registries lack the builds for other platforms, and npm then leaves them out of the lock file that it writes; `npm ci`
  // refuses such a file. `npm install` takes all versions from it just the same, and --no-save leaves it as it is.
  const verb = isWithoutOtherPlatforms(lock) ? ['install', '--no-save'] : ['ci']
  await step(`installing the npm packages (${reason})`, () =>
    run(command, [...args, ...verb, ...OPTIONS], { cwd: root, env, log: path.join(root, '.cache', 'npm.log') }),
  )
  const left = difference(root, lock)
  if (left !== null) throw new Error(`npm ${verb[0]} ended well, and yet: ${left} (.cache/npm.log)`)
}

/**
 * The first difference between the lock file and what npm says it installed, or null. Read from npm's own record instead of
 * a stamp of ours, so that a tree installed by hand counts too.
 */
function difference(root, lock) {
  const record = path.join(root, 'node_modules', '.package-lock.json')
  if (!fs.existsSync(record)) return 'there is no node_modules yet'
  const installed = readJson(record).packages
  for (const [place, want] of Object.entries(lock)) {
    if (!place.startsWith('node_modules/')) continue
    const have = installed[place]
    if (!have) {
      if (want.optional && !isOurNode(place)) continue
      return `${place} is missing`
    }
    if (have.version !== want.version || have.integrity !== want.integrity) return `${place} is another version`
    if (!fs.existsSync(path.join(root, place))) return `${place} is gone`
  }
  return null
}

/** What `npm ci` checks too: a package.json that was edited without its lock file would be installed in part. */
function refuseStaleLock(manifest, locked) {
  for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies']) {
    const wanted = manifest[kind] || {}
    const known = locked[kind] || {}
    const names = Object.keys({ ...wanted, ...known }).filter((name) => wanted[name] !== known[name])
    if (names.length > 0) {
      throw new Error(
        `package.json and package-lock.json differ in ${kind}: ${names.join(', ')}. Run npm install, commit both`,
      )
    }
  }
}

function isWithoutOtherPlatforms(lock) {
  const places = Object.keys(lock)
  const optional = Object.values(lock).flatMap((entry) => Object.keys(entry.optionalDependencies || {}))
  return optional.some((name) => !places.some((place) => place.endsWith(`node_modules/${name}`)))
}

function isOurNode(place) {
  return place === `node_modules/node-${process.platform}-${process.arch}`
}

function readJson(file) {
  return JSON.parse(fs.readFileSync(file, 'utf8'))
}

module.exports = { dependencies }
