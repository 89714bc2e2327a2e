import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { main } from '../../src/cli/command-line.ts'
import { finish, type JobOptions, ROOT, type Run, Stage } from './cli-kit.ts'

const NOTHING = `export default { arrange: () => [] }`
/** Nothing ever listens there. */
const NO_BROKER = '127.0.0.1:1'

let stage: Stage
beforeAll(async () => {
  stage = await Stage.open()
}, 60_000)
afterAll(() => stage[Symbol.asyncDispose]())

/** What the person in front of it reads. */
async function refused(run: Run): Promise<{ readonly code: number | null; readonly says: string }> {
  const { code } = await run.exit()
  return { code, says: run.story }
}

async function startOf(options: JobOptions, env: Readonly<Record<string, string>> = {}): Promise<Run> {
  return stage.worker(await stage.job({ handler: NOTHING, ...options }), { env })
}

describe.concurrent('a start that cannot succeed', () => {
  test('no broker: 3 with the address and what to check, within 15 s', async () => {
    const run = await startOf({}, { DRAKKAR_KAFKA__BROKERS: NO_BROKER })
    const { code, says } = await refused(run)
    expect(code, says).toBe(3)
    expect(await run.line('start_failed')).toMatchObject({
      level: 'critical',
      code: 'BROKER_UNREACHABLE',
      error: expect.stringContaining(NO_BROKER),
      advice: expect.stringContaining('broker'),
    })
    const [begun, ended] = [await run.line('drakkar_starting'), await run.line('start_failed')].map((line) =>
      Date.parse(line['timestamp'] as string),
    )
    expect((ended ?? 0) - (begun ?? 0)).toBeLessThan(15_000)
  })

  test('no such topic: 3, and it names what is near', async () => {
    const job = await stage.job({ handler: NOTHING })
    await stage.broker.ensureTopic(`${job.topic}x_dlq`)
    const run = stage.worker(job, { env: { DRAKKAR_SOURCES__KAFKA__TOPIC: `${job.topic}x` } })
    const { code, says } = await refused(run)
    expect(code, says).toBe(3)
    expect(await run.line('start_failed')).toMatchObject({
      code: 'TOPIC_MISSING',
      error: expect.stringContaining(`${job.topic}x`),
      advice: expect.stringContaining(`there is: ${job.topic}`),
    })
  })

  test.each([
    ['of the dead letters', { DRAKKAR_DLQ__TOPIC: 'nowhere' }, 'nowhere'],
    ['of a sink', { DRAKKAR_SINKS__KAFKA__OUT__TOPIC: 'no-results' }, 'no-results'],
  ])('no topic %s: 3, before any message is taken', async (_, env, names) => {
    const run = await startOf({}, env)
    const { code, says } = await refused(run)
    expect(code, says).toBe(3)
    expect(await run.line('start_failed')).toMatchObject({
      error: expect.stringContaining(names),
      advice: expect.any(String),
    })
  })

  test('a pattern that matches no topic: 3; one that matches takes all of them', async () => {
    const job = await stage.job({ handler: NOTHING, config: { dlq: { topic: 'all-dead' } } })
    await stage.broker.ensureTopic('all-dead')
    const none = stage.worker(job, { env: { DRAKKAR_SOURCES__KAFKA__TOPIC: '^nothing-like-it' } })
    expect((await refused(none)).code, none.story).toBe(3)
    const names = [`${job.topic}-a`, `${job.topic}-b`]
    for (const name of names) await stage.broker.ensureTopic(name)
    const all = stage.worker(job, { env: { DRAKKAR_SOURCES__KAFKA__TOPIC: `^${job.topic}-` } })
    const assigned = await all.line('partitions_assigned')
    expect(new Set((assigned['partitions'] as string[]).map((one) => one.split(':')[0]))).toEqual(new Set(names))
    all.child.kill('SIGTERM')
    expect((await all.exit()).code).toBe(0)
  })

  test('no sink: 2, with an example', async () => {
    const job = await stage.job({ handler: NOTHING })
    const config = await job.file('none.yaml', `kafka: { brokers: '${stage.broker.brokers}' }\nmetrics: { port: 0 }\n`)
    const run = stage.command(['run', 'handler.mts', '-c', config], { cwd: job.folder })
    const { code, says } = await refused(run)
    expect(code, says).toBe(2)
    expect(says).toContain('no sink is configured')
    expect(says).toContain('base_path')
  })

  test('a folder of a file sink that does not exist: 3 with its name', async () => {
    const run = await startOf({}, { DRAKKAR_SINKS__FILESYSTEM__MAIN__BASE_PATH: '/nowhere/at/all' })
    const { code, says } = await refused(run)
    expect(code, says).toBe(3)
    expect(says).toContain('/nowhere/at/all')
  })

  test('an unknown setting: 2, with its place and the nearest name, and no process is left', async () => {
    const run = await startOf({ config: { executor: { max_executor: 3 } } })
    const { code, says } = await refused(run)
    expect(code, says).toBe(2)
    expect(says).toMatch(/drakkar\.yaml:\d+:\d+/)
    expect(says).toContain('max_executors')
  })

  test('a configuration file that does not exist: 2 with its path', async () => {
    const run = stage.command(['run', 'handler.mts', '-c', 'nowhere.yaml'])
    expect(await refused(run)).toEqual({ code: 2, says: expect.stringContaining('nowhere.yaml') })
  })

  test.each([
    [['run'], 'which handler'],
    [['run', 'a.mts', 'b.mts'], 'one handler at a time'],
    [['run', '--nonsense'], '--nonsense'],
    [['fly'], 'there is no command `fly`'],
    [[], 'Usage'],
  ])('a wrong command line: drakkar %s', async (args, says) => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()]
    const status = await main(args, { stdin: new PassThrough(), stdout, stderr, env: {} })
    expect([status, stdout.read(), String(stderr.read())]).toEqual([2, null, expect.stringContaining(says)])
  })
})

const COMMONJS = '{ "type": "commonjs" }'

/** Files beside each other; the first is the handler. */
const BAD: readonly [what: string, files: Readonly<Record<string, string>>, says: string, advice: string][] = [
  [
    'without a default export',
    { 'h.mts': 'export const handler = 1' },
    'the default export is nothing',
    'export default',
  ],
  ['with a function', { 'h.mts': 'export default () => []' }, 'a function, not a handler', 'export default'],
  ['with no arrange', { 'h.mts': 'export default { onTaskComplete() {} }' }, 'it has no `arrange`', 'export default'],
  [
    'with the names of the older framework',
    { 'h.mts': 'export default { arrange: () => [], collect() {}, on_error() {} }' },
    '`collect` is called `onTaskComplete` here; `on_error` is called `onError` here',
    'export default',
  ],
  [
    'with imports in a folder that is CommonJS',
    { 'h.js': `import 'node:fs'\nmodule.exports = {}`, 'package.json': COMMONJS },
    'h.js',
    '.mjs',
  ],
  [
    'with TypeScript in a folder that is CommonJS',
    { 'h.ts': `import 'node:fs'\nexport default {}`, 'package.json': COMMONJS },
    'h.ts',
    '.mts',
  ],
  ['with an enum', { 'h.mts': 'enum A { B }\nexport default { arrange: () => [A.B] }' }, 'enum', 'erasableSyntaxOnly'],
  [
    'that imports a missing package',
    { 'h.mts': `import 'not-installed-anywhere'` },
    'not-installed-anywhere',
    'Install the missing package',
  ],
  ['that imports a file without its extension', { 'h.mts': `import './other'`, 'other.ts': '' }, 'other', './x.ts'],
  ['that does not exist', {}, 'h.mts', 'no such file'],
  ['that throws', { 'h.mts': `\nthrow new Error('no luck')` }, '0/h.mts:2:7)', 'own code'],
  ['that is not even code', { 'h.mts': '\nexport default {{{' }, 'h.mts:2)', 'not valid TypeScript'],
  ['that is no JavaScript either', { 'h.mjs': 'export default {{{' }, 'Unexpected token', 'node --check'],
  ['that is a folder', { 'h.mts/x': '' }, 'h.mts', 'folder'],
  ['below node_modules', { 'node_modules/p/h.mts': NOTHING }, 'node_modules', 'node_modules'],
]

const GOOD: readonly [what: string, files: Readonly<Record<string, string>>][] = [
  [
    'handler.mts in a folder that is CommonJS',
    { 'h.mts': `const a: number = 1\n${NOTHING}`, 'package.json': COMMONJS },
  ],
  [
    'handler.ts in an ESM folder',
    { 'h.ts': `const a: number = 1\n${NOTHING}`, 'package.json': '{ "type": "module" }' },
  ],
  ['handler.js in an ESM folder', { 'h.js': NOTHING, 'package.json': '{ "type": "module" }' }],
  ['handler.cjs', { 'h.cjs': `module.exports = { arrange: () => [] }` }],
  [
    'one that was compiled to CommonJS',
    {
      'h.cjs': `Object.defineProperty(exports, '__esModule', { value: true }); exports.default = { arrange: () => [] }`,
    },
  ],
  ['a class', { 'h.mts': `export default class { arrange() { return [] } }` }],
]

/** What became of each handler, all loaded by one process. */
async function loadAll(folders: readonly (readonly [path: string])[]): Promise<readonly Loaded[]> {
  const script = `
    const { loadHandler } = await import(${JSON.stringify(join(ROOT, 'src/app/index.ts'))})
    const loaded = []
    for (const path of ${JSON.stringify(folders.flat())}) {
      loaded.push(await loadHandler(path).then(
        () => ({ code: 'ok' }),
        ({ code, message, advice }) => ({ code, message, advice }),
      ))
    }
    console.log(JSON.stringify(loaded))
    process.exit(0)`
  const node = [
    '--conditions=drakkar-src',
    '--disable-warning=ExperimentalWarning',
    '--input-type=module',
    '-e',
    script,
  ]
  const { stdout, stderr } = await finish(process.execPath, node)
  expect(stdout, stderr).toContain('[')
  return JSON.parse(stdout) as readonly Loaded[]
}

interface Loaded {
  readonly code: string
  readonly message: string
  readonly advice: string
}

test('what a handler file may be, and what every other one is told', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'drakkar-handlers-'))
  try {
    const paths: [string][] = []
    for (const [at, [, files]] of [...BAD, ...GOOD].entries()) {
      const here = join(folder, String(at))
      await mkdir(here)
      for (const [name, text] of Object.entries(files)) {
        await mkdir(dirname(join(here, name)), { recursive: true })
        await writeFile(join(here, name), text)
      }
      paths.push([join(here, Object.keys(files)[0]?.replace('/x', '') ?? 'h.mts')])
    }
    const loaded = await loadAll(paths)
    const bad = BAD.map(([what], at) => ({ what, ...loaded[at] }))
    expect(bad).toEqual(
      BAD.map(([what, , message, advice]) => ({
        what,
        code: 'HANDLER_INVALID',
        message: expect.stringContaining(message),
        advice: expect.stringContaining(advice),
      })),
    )
    const good = GOOD.map(([what], at) => ({ what, code: loaded[BAD.length + at]?.code }))
    expect(good).toEqual(GOOD.map(([what]) => ({ what, code: 'ok' })))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

test('a handler that does not load ends the command with 2, and its log with the advice', async () => {
  const job = await stage.job({ handler: `import 'not-installed-anywhere'`, topics: false })
  const run = stage.worker(job)
  expect((await refused(run)).code).toBe(2)
  expect(await run.line('start_failed')).toMatchObject({
    code: 'HANDLER_INVALID',
    advice: expect.stringContaining('Install the missing package'),
  })
})
