'use strict'
// `npm run demo` and `npm test` start here: makes a bare clone ready, then runs the target with the repository's own Node.
// Runs on Node 18 and later and needs no dependency: it is what fetches them.
const path = require('node:path')
const { launch } = require('./setup/launch.cjs')
const { ready } = require('./setup/ready.cjs')

const ROOT = path.dirname(__dirname)
const TARGETS = { demo: 'examples/search/demo.ts', test: 'scripts/test.ts', setup: null }

async function main([name, ...args]) {
  if (!Object.hasOwn(TARGETS, name)) {
    throw new Error(`no target "${name}": use one of ${Object.keys(TARGETS).join(', ')}`)
  }
  const node = await ready(ROOT)
  const target = TARGETS[name]
  if (target !== null) await launch(node.path, ['--conditions=drakkar-src', path.join(ROOT, target), ...args], ROOT)
}

main(process.argv.slice(2)).catch((error) => {
  process.stderr.write(`setup: ${error.message}\n`)
  process.exitCode = 1
})
