import { execFile } from 'node:child_process'
import { cpSync, existsSync, readFileSync, statSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findOldNode } from './old-node.ts'
import { strangersWorker } from './package-run.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const BIN = join(ROOT, 'node_modules', '.bin')
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  version: string
  imports: Record<string, { default: string }>
}
const oldNode = findOldNode()

let work: string
let tarball: string
let project: string
let installed: string

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'drakkar-package-'))
  tarball = await pack()
  project = join(work, 'project')
  installed = join(project, 'node_modules', 'drakkar')
  await install()
}, 180_000)

afterAll(async () => {
  await rm(work, { recursive: true, force: true })
})

describe('the packed package', () => {
  test('holds the build, the bin and the licence, but neither tests nor sources', async () => {
    const files = (await readdir(installed, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(installed.length + 1))
    expect(files).toEqual(expect.arrayContaining(['LICENSE', 'bin/drakkar.cjs', 'dist/index.js', 'dist/index.d.ts']))
    const known = /^(bin|dist)\/|^(package\.json|README\.md|LICENSE|CHANGELOG\.md)$/
    expect(files.filter((file) => /\.test\.|(^|\/)(test|src)\//.test(file) || !known.test(file))).toEqual([])
  })

  test('has every file that its imports name', () => {
    const places = Object.values(manifest.imports).map((target) => target.default)
    expect(places.length).toBeGreaterThan(0)
    expect(places.filter((place) => !existsSync(join(installed, place)))).toEqual([])
  })

  test('says its version', async () => {
    const { code, stdout } = await run(process.execPath, [join(project, 'node_modules/.bin/drakkar'), '--version'])
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${manifest.version}\n` })
  })

  test('loads in an empty project, through both of its doors, with the Kafka client', async () => {
    const script = `
      const doors = [await import('drakkar'), await import('drakkar/testing')]
      const { default: client } = await import('@confluentinc/kafka-javascript')
      console.log(JSON.stringify([...doors.map((door) => Object.keys(door).length > 0), typeof client.librdkafkaVersion]))`
    const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', script])
    expect({ stdout, stderr }).toEqual({ stdout: '[true,true,"string"]\n', stderr: '' })
  })

  test.skipIf(process.platform !== 'linux')(
    'starts the native launcher, and a Node one where that is damaged',
    async () => {
      const doctor = async (): Promise<string> => {
        const { stdout } = await run(process.execPath, [join(project, 'node_modules/.bin/drakkar'), 'doctor'])
        return stdout
      }
      expect(await doctor()).toMatch(/launcher\s+native, started/)
      const file = join(installed, 'dist/launcher', `drakkar-launcher-${process.platform}-${process.arch}`)
      expect(statSync(file).mode & 0o777).toBe(0o755)
      const whole = readFileSync(file)
      await writeFile(file, whole.subarray(0, whole.length - 1))
      expect(await doctor()).toMatch(/launcher\s+node \(no native one: .*checksum differs\), started/)
      await writeFile(file, whole)
    },
  )

  test.skipIf(oldNode === null)('says in one line which Node it needs, to a Node that is too old', async () => {
    const { code, stdout, stderr } = await run(oldNode?.path ?? '', [join(project, 'node_modules/.bin/drakkar'), 'run'])
    expect({ code, stdout, lines: stderr.trimEnd().split('\n').length }).toEqual({ code: 2, stdout: '', lines: 1 })
    expect(stderr).toContain('Node 24 or newer')
    expect(stderr).toContain(`Node ${oldNode?.version ?? ''}`)
  })

  test('is clean to publint', async () => {
    const { code, stdout } = await run(join(BIN, 'publint'), [tarball, '--strict'])
    expect(code, stdout).toBe(0)
  })

  test('has types that resolve for its users', async () => {
    const { code, stdout } = await run(join(BIN, 'attw'), [tarball, '--profile', 'esm-only', '--no-color'])
    expect(code, stdout).toBe(0)
  })
})

describe('a worker of the packed package', () => strangersWorker(() => project))

/** Packs a copy of the repository, as `npm publish` would: the build is the package's own, and none stays behind in here. */
async function pack(): Promise<string> {
  const copy = join(work, 'repository')
  await mkdir(copy)
  const parts = [
    'src',
    'bin',
    'launcher',
    'scripts',
    'package.json',
    'tsconfig.json',
    'tsconfig.build.json',
    'LICENSE',
    'CHANGELOG.md',
    'README.md',
  ]
  for (const part of parts) {
    if (existsSync(join(ROOT, part))) await cp(join(ROOT, part), join(copy, part), { recursive: true })
  }
  await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
  // Cross-building takes minutes the first time; how the package finds and starts what was built is the same.
  await must('npm', ['pack', '--pack-destination', work], copy, { DRAKKAR_BUILD_LAUNCHERS: 'host' })
  const [name] = (await readdir(work)).filter((file) => file.endsWith('.tgz'))
  if (name === undefined) throw new Error(`npm pack left no tarball in ${work}`)
  return join(work, name)
}

/** The client's addon comes from this repository: what is tested is our package, not the compiler. */
async function install(): Promise<void> {
  await mkdir(project)
  await writeFile(join(project, 'package.json'), JSON.stringify({ name: 'empty', private: true }))
  const options = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund']
  await must('npm', ['install', ...options, tarball], project)
  const client = 'node_modules/@confluentinc/kafka-javascript'
  for (const file of ['Release/confluent-kafka-javascript.node', 'deps/librdkafka.so.1', 'deps/librdkafka++.so.1']) {
    const built = join(ROOT, client, 'build', file)
    if (existsSync(built)) cpSync(built, join(project, client, 'build', file))
  }
}

interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

async function must(
  command: string,
  args: readonly string[],
  cwd: string,
  more: Record<string, string> = {},
): Promise<void> {
  const { code, stdout, stderr } = await run(command, args, cwd, more)
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${stdout}${stderr}`)
}

/** Set by npm or vitest for us alone. What a user may set stays: certificates, proxies, npm's own configuration. */
const OURS =
  /^(npm_(command|execpath|node_execpath|lifecycle_.*|package_.*|config_local_prefix)|init_cwd|vitest.*|test|node_(options|env))$/i

/** Runs a program with the environment that a user's shell would give it. */
function run(
  command: string,
  args: readonly string[],
  cwd: string = project,
  more: Record<string, string> = {},
): Promise<Ran> {
  const kept = Object.entries(process.env).filter(([name]) => !OURS.test(name))
  const env = { ...Object.fromEntries(kept), PATH: `${BIN}${delimiter}${process.env['PATH'] ?? ''}`, ...more }
  return new Promise((resolve, reject) => {
    execFile(command, args, { cwd, env, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== 'number') reject(error)
      else resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr })
    })
  })
}
