'use strict'
const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { run } = require('./run.cjs')
const { say, step } = require('./say.cjs')

const TOOLS = [
  { program: 'g++', deb: 'g++' },
  { program: 'make', deb: 'make' },
  { program: 'python3', deb: 'python3' },
]
const LIBRARIES = [
  { header: 'openssl/ssl.h', deb: 'libssl-dev', brings: 'TLS', feature: 'ssl' },
  { header: 'zlib.h', deb: 'zlib1g-dev', brings: 'gzip compression', feature: 'gzip' },
  { header: 'zstd.h', deb: 'libzstd-dev', brings: 'zstd compression', feature: 'zstd' },
  { header: 'sasl/sasl.h', deb: 'libsasl2-dev', brings: 'Kerberos (GSSAPI)', feature: 'sasl_gssapi' },
  { header: 'curl/curl.h', deb: 'libcurl4-openssl-dev', brings: 'OAuth over HTTP', feature: 'oidc' },
  { header: 'lz4.h', deb: 'liblz4-dev', brings: "the system's lz4", feature: 'lz4' },
]

/** The libraries that a compilation on this machine would find. */
function presentLibraries() {
  const triple = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' }[process.arch] || process.arch
  const folders = ['/usr/include', `/usr/include/${triple}`, '/usr/local/include', '/opt/homebrew/include']
  return LIBRARIES.filter(({ header }) => folders.some((folder) => fs.existsSync(path.join(folder, header))))
}

/**
 * Makes sure that a compilation can begin. Missing packages are installed where that is wanted (root, with CI=true or
 * DRAKKAR_SETUP_APT=1); else a missing compiler is an error, and a missing library a line that says what it would bring.
 */
async function prepareCompilation(root) {
  const missing = () => ({
    tools: TOOLS.filter(({ program }) => spawnSync(program, ['--version'], { stdio: 'ignore' }).status !== 0),
    libraries: LIBRARIES.filter((library) => !presentLibraries().includes(library)),
  })
  let now = missing()
  const debs = [...now.tools, ...now.libraries].map(({ deb }) => deb)
  if (debs.length > 0 && mayInstall()) {
    await aptInstall(root, debs)
    now = missing()
  }
  if (now.tools.length > 0) {
    throw new Error(
      `compiling the Kafka client needs ${now.tools.map(({ program }) => program).join(', ')}, not found here. On Debian or Ubuntu:\n  ${command([...now.tools, ...now.libraries])}`,
    )
  }
  if (now.libraries.length > 0) {
    say(
      `the Kafka client will be without ${now.libraries.map(({ brings }) => brings).join(', ')}; with them: ${command(now.libraries)}`,
    )
  }
}

function mayInstall() {
  const wanted = process.env.CI === 'true' || process.env.DRAKKAR_SETUP_APT === '1'
  return wanted && process.getuid?.() === 0 && spawnSync('apt-get', ['--version'], { stdio: 'ignore' }).status === 0
}

async function aptInstall(root, debs) {
  const options = {
    cwd: root,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    log: path.join(root, '.cache', 'apt.log'),
  }
  await step(`apt-get install ${debs.join(' ')}`, async () => {
    await run('apt-get', ['update', '-q'], options)
    await run('apt-get', ['install', '-yq', '--no-install-recommends', ...debs], options)
  })
}

function command(packages) {
  const sudo = process.getuid?.() === 0 ? '' : 'sudo '
  return `${sudo}apt-get install -y --no-install-recommends ${packages.map(({ deb }) => deb).join(' ')}`
}

module.exports = { LIBRARIES, command, prepareCompilation, presentLibraries }
