'use strict'
const { spawn } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')

const FATAL_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP']

/**
 * Runs a program to its end with its output in a log file. Fails with an excerpt of that log when the program does, or after
 * `timeoutMs`. Its whole process group ends with us: a compiler must not outlive an interrupted set-up.
 */
function run(command, args, { cwd, env, log, timeoutMs }) {
  fs.mkdirSync(path.dirname(log), { recursive: true })
  const out = fs.openSync(log, 'w')
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', out, out], detached: true })
  fs.closeSync(out)
  return new Promise((resolve, reject) => {
    const killGroup = () => {
      try {
        process.kill(-child.pid, 'SIGKILL')
      } catch {
        // The group is gone already.
      }
    }
    const handlers = FATAL_SIGNALS.map((signal) => [
      signal,
      () => {
        killGroup()
        for (const [name, handler] of handlers) process.removeListener(name, handler)
        process.kill(process.pid, signal)
      },
    ])
    for (const [signal, handler] of handlers) process.on(signal, handler)
    let late = false
    const timer = timeoutMs
      ? setTimeout(() => {
          late = true
          killGroup()
        }, timeoutMs)
      : null
    const finish = (problem) => {
      if (timer) clearTimeout(timer)
      for (const [signal, handler] of handlers) process.removeListener(signal, handler)
      if (problem === null) resolve()
      else reject(new Error(`${[command, ...args].join(' ')} ${problem}\n${excerpt(log)}\n(all of it: ${log})`))
    }
    child.on('error', (error) => finish(`could not start: ${error.message}`))
    child.on('close', (code, signal) => {
      if (late) finish(`took longer than ${timeoutMs / 1000} s`)
      else if (code === 0) finish(null)
      else finish(signal ? `was ended by ${signal}` : `failed with exit code ${code}`)
    })
  })
}

/** The first lines and the last: tools say the cause at one end or the other. */
function excerpt(log) {
  const lines = fs.readFileSync(log, 'utf8').trimEnd().split('\n')
  const shown = lines.length <= 40 ? lines : [...lines.slice(0, 10), '…', ...lines.slice(-25)]
  return shown.map((line) => `  | ${line}`).join('\n')
}

module.exports = { run }
