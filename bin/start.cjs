'use strict'
const { spawn } = require('node:child_process')
const { existsSync } = require('node:fs')
const path = require('node:path')
const { pathToFileURL } = require('node:url')

const root = path.dirname(__dirname)
const built = path.join(root, 'dist', 'cli', 'main.js')
const source = path.join(root, 'src', 'cli', 'main.ts')

if (['--version', '-V'].includes(process.argv[2])) {
  // Answered here: a version is asked for most when nothing else starts.
  process.stdout.write(`${require('../package.json').version}\n`)
} else if (existsSync(built)) {
  import(pathToFileURL(built).href).catch(fail)
} else if (existsSync(source)) {
  runSource()
} else {
  fail(new Error(`${built} is missing: the installation is damaged, install drakkar again`))
}

/** In the repository, without a build: the sources are reached by a condition that only a new process can be given. */
function runSource() {
  const child = spawn(process.execPath, ['--conditions=drakkar-src', source, ...process.argv.slice(2)], {
    stdio: 'inherit',
  })
  const atTerminal = Boolean(process.stdin.isTTY)
  // A terminal sends Ctrl-C to both of us.
  process.on('SIGINT', () => atTerminal || child.kill('SIGINT'))
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  child.on('error', fail)
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}

function fail(error) {
  process.stderr.write(`drakkar: ${error?.stack ?? error}\n`)
  process.exit(1)
}
