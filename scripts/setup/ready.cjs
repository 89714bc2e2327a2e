'use strict'
// The steps from a bare clone to a tree that works, in order; each one is free when there is nothing to do.
const { dependencies } = require('./dependencies.cjs')
const { kafkaClient } = require('./kafka-client.cjs')
const { launcher } = require('./launcher.cjs')
const { findNode } = require('./node.cjs')
const { withLock } = require('./lock.cjs')

/** Resolves with the Node to use: `{ path, prefix, version, abi }`. */
async function ready(root) {
  return await withLock(root, async () => {
    await dependencies(root)
    const node = findNode(root)
    await kafkaClient(root, node)
    await launcher(root)
    return node
  })
}

module.exports = { ready }
