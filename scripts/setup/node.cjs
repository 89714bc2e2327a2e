'use strict'
const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')

const NEEDED = 24
const QUESTION = 'JSON.stringify({ version: process.versions.node, abi: process.versions.modules })'

/**
 * The Node that the repository works with: the one that tools/node brought for this platform, else the running one when it is
 * new enough. `prefix` holds its headers, or is null where it has none.
 */
function findNode(root) {
  const prefix = path.join(root, 'node_modules', `node-${process.platform}-${process.arch}`)
  return (
    describe(path.join(prefix, 'bin', 'node')) ||
    describe(process.execPath) ||
    refuse(`${process.platform}-${process.arch} gets no Node from npm here`)
  )
}

function describe(file) {
  const answer = spawnSync(file, ['-p', QUESTION], { encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } })
  if (answer.status !== 0) return null
  const { version, abi } = JSON.parse(answer.stdout)
  if (Number.parseInt(version, 10) < NEEDED) return null
  const prefix = path.dirname(path.dirname(fs.realpathSync(file)))
  return { path: file, version, abi, prefix: fs.existsSync(path.join(prefix, 'include/node/node.h')) ? prefix : null }
}

function refuse(why) {
  throw new Error(
    `Node ${NEEDED} or newer is needed, this is ${process.versions.node}, and ${why}. Install one: https://nodejs.org`,
  )
}

module.exports = { findNode }
