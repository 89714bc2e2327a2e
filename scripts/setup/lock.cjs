'use strict'
const fs = require('node:fs')
const path = require('node:path')
const { say } = require('./say.cjs')

/** One set-up at a time per tree: two terminals that both start in a bare clone would delete each other's node_modules. */
async function withLock(root, work) {
  const file = path.join(root, '.cache', 'setup.lock')
  fs.mkdirSync(path.dirname(file), { recursive: true })
  let said = false
  while (!take(file)) {
    const pid = holder(file)
    if (pid !== null && !said) {
      say(`waiting for the set-up that process ${pid} runs in this tree (${file})`)
      said = true
    }
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  const release = () => fs.rmSync(file, { force: true })
  process.once('exit', release)
  try {
    return await work()
  } finally {
    process.removeListener('exit', release)
    release()
  }
}

function take(file) {
  try {
    fs.writeFileSync(file, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
    const pid = holder(file)
    // A file without a number in it is being written right now.
    if (pid !== null && !alive(pid)) fs.rmSync(file, { force: true })
    return false
  }
}

function holder(file) {
  try {
    return Number.parseInt(fs.readFileSync(file, 'utf8'), 10) || null
  } catch {
    return null
  }
}

function alive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

module.exports = { withLock }
