'use strict'
const fs = require('node:fs')
const path = require('node:path')

/**
 * How to call npm from here: program, first arguments and environment. Never with a Node inside node_modules, because
 * `npm ci` deletes that folder first.
 */
function npm(root) {
  const inside = path.join(root, 'node_modules') + path.sep
  const env = { ...process.env }
  env.PATH = (env.PATH || '')
    .split(path.delimiter)
    .filter((dir) => !(dir + path.sep).startsWith(inside))
    .join(path.delimiter)
  const cli = env.npm_execpath
  const node = env.npm_node_execpath
  const usable = cli && node && cli.endsWith('npm-cli.js') && ![cli, node].some((file) => real(file).startsWith(inside))
  return usable ? { command: node, args: [cli], env } : { command: 'npm', args: [], env }
}

function real(file) {
  try {
    return fs.realpathSync(file)
  } catch {
    return file
  }
}

module.exports = { npm }
