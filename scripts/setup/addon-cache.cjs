'use strict'
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')

const FILES = [
  'build/Release/confluent-kafka-javascript.node',
  'build/deps/librdkafka.so.1',
  'build/deps/librdkafka++.so.1',
]

function placeOf(key) {
  const base = process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache')
  return path.join(base, 'drakkar', 'kafka-client', key)
}

/** Keeps the addon of `dir` for other trees of this machine; does nothing where that key is kept already. */
function store(dir, key) {
  const place = placeOf(key)
  if (fs.existsSync(place)) return
  const draft = `${place}.${process.pid}`
  copy(dir, draft)
  try {
    fs.renameSync(draft, place)
  } catch (error) {
    fs.rmSync(draft, { recursive: true, force: true })
    // Somebody else stored the same build meanwhile.
    if (!fs.existsSync(place)) throw error
  }
}

/** Puts a kept addon into `dir`; false when there is none. */
function restore(dir, key) {
  const place = placeOf(key)
  if (!fs.existsSync(place)) return false
  copy(place, dir)
  return true
}

function copy(from, to) {
  for (const file of FILES) {
    const source = path.join(from, file)
    if (!fs.existsSync(source)) continue
    const target = path.join(to, file)
    fs.mkdirSync(path.dirname(target), { recursive: true })
    // Written beside and renamed: a running process may have the old library mapped, and writing into it would crash that one.
    fs.copyFileSync(source, `${target}.new`)
    fs.renameSync(`${target}.new`, target)
  }
}

module.exports = { restore, store }
