'use strict'
const { spawn } = require('node:child_process')
const os = require('node:os')

/** Runs the target in our place: same terminal, signals passed on, and we end the way that it ended. */
function launch(command, args, cwd) {
  const child = spawn(command, args, { cwd, stdio: 'inherit' })
  // A terminal sends Ctrl-C to the whole process group: passing it on would make two of it, and a second one forces.
  const atTerminal = Boolean(process.stdin.isTTY)
  process.on('SIGINT', () => atTerminal || child.kill('SIGINT'))
  process.on('SIGHUP', () => atTerminal || child.kill('SIGHUP'))
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  return new Promise((resolve, reject) => {
    child.on('error', (error) => reject(new Error(`${command} could not start: ${error.message}`)))
    child.on('exit', (code, signal) => {
      process.exitCode = signal === null ? code : 128 + os.constants.signals[signal]
      resolve()
    })
  })
}

module.exports = { launch }
