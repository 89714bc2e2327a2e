'use strict'

/** One line of progress; stderr, so that a target's stdout stays its own. */
function say(line) {
  process.stderr.write(`setup: ${line}\n`)
}

/** Says what begins, runs it, says how long it took. */
async function step(title, work) {
  const began = Date.now()
  say(`${title} …`)
  const result = await work()
  say(`${title}: done in ${((Date.now() - began) / 1000).toFixed(1)} s`)
  return result
}

module.exports = { say, step }
