import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import sqlite from '../../../examples/hello/sqlite-sink.ts'
import { loadConfig } from '../../config/index.ts'
import { sinkContract } from '../../testing/index.ts'
import { loadCustomSinks } from './custom.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drakkar-custom-'))
})
afterAll(() => rm(folder, { recursive: true }))

sinkContract(test, 'the sqlite sink of the examples', async () => {
  const path = join(await mkdtemp(join(folder, 'contract-')), 'rows.db')
  return {
    sink: await sqlite.create('main', { path }),
    payload: (text) => ({ text }),
    spoil: (payload) => {
      payload['text'] = 'spoilt'
    },
    bad: [undefined, () => 1, { n: 1n }],
    written: async () => {
      using database = new DatabaseSync(path)
      const rows = database.prepare("SELECT json ->> 'text' AS text FROM rows ORDER BY rowid").all()
      return rows.map(({ text }) => String(text))
    },
    idempotent: true,
    cleanUp: async () => undefined,
  }
})

type Instances = Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, unknown>>>>>>

/** The instances as the worker would load them, through the whole configuration. */
async function loaded(custom: Instances): ReturnType<typeof loadCustomSinks> {
  const { config } = await loadConfig({ env: {}, overrides: { sinks: { custom } } })
  return loadCustomSinks(config)
}

const EXAMPLE = join(import.meta.dirname, '../../../examples/hello/sqlite-sink.ts')

/** A module in plain JavaScript that does what `defineSink` does, without knowing where drakkar is. */
async function moduleFile(name: string, source: string): Promise<string> {
  const path = join(folder, name)
  const mark =
    "const defineSink = (kind) => Object.defineProperty({ ...kind }, Symbol.for('drakkar.sink'), { value: true })\n"
  const sink =
    'const sink = { accept: (d) => d, size: () => 1, connect: async () => {}, deliver: async (b) => b.map(() => ({ ok: true })), close: async () => {} }\n'
  await writeFile(path, mark + sink + source)
  return path
}

describe('sinks.custom', () => {
  test('an instance gets its own options; the worker keeps its limits; outputs carry `data`', async () => {
    const path = join(folder, 'a.db')
    const [built] = await loaded({ sqlite: { main: { module: EXAMPLE, path, max_batch_records: 7, linger_ms: 3 } } })
    expect(built?.batch).toEqual({ maxRecords: 7, lingerMs: 3 })
    const sink = built?.sink
    expect([sink?.kind, sink?.name]).toEqual(['custom', 'main'])
    expect(sink?.accept({ data: { a: 1 } })).toEqual({ json: '{"a":1}' })
    expect(() => sink?.accept({ json: 1 })).toThrow('must be an object { sink?, data }')
  })

  test('two kinds can be there at once', async () => {
    const other = await moduleFile('other.mjs', "export default defineSink({ kind: 'other', create: () => sink })")
    const built = await loaded({
      sqlite: { main: { module: EXAMPLE, path: join(folder, 'b.db') } },
      other: { more: { module: other, delivery: 'my own option', nested: { some_key: 1 } } },
    })
    expect(built.map(({ sink }) => sink.name)).toEqual(['main', 'more'])
  })

  test.each([
    ['for anybody', { main: './sink.mjs' }],
    ['for import alone', { exports: { '.': { types: './sink.d.ts', import: './sink.mjs' } } }],
  ])('a package of the working directory, %s', async (_, manifest) => {
    const before = process.cwd()
    const home = await mkdtemp(join(folder, 'package-'))
    const place = join(home, 'node_modules', 'drakkar-sink-packed')
    await mkdir(place, { recursive: true })
    await writeFile(join(place, 'package.json'), JSON.stringify({ name: 'drakkar-sink-packed', ...manifest }))
    const file = await moduleFile('packed.mjs', "export default defineSink({ kind: 'packed', create: () => sink })")
    await copyFile(file, join(place, 'sink.mjs'))
    process.chdir(home)
    try {
      expect((await loaded({ packed: { main: {} } })).map(({ sink }) => sink.name)).toEqual(['main'])
    } finally {
      process.chdir(before)
    }
  })

  test('options reach the sink as they are written', async () => {
    const echo = await moduleFile(
      'echo.mjs',
      "export default defineSink({ kind: 'echo', create: (name, options) => { throw new Error(JSON.stringify({ name, options })) } })",
    )
    await expect(
      loaded({ echo: { x: { module: echo, delivery: 'a', nested: { some_key: 1 }, camelCase: 2 } } }),
    ).rejects.toThrow('{"name":"x","options":{"delivery":"a","nested":{"some_key":1},"camelCase":2}}')
  })

  test.each<[string, (file: typeof moduleFile) => Promise<Instances> | Instances, RegExp, RegExp]>([
    [
      'a file that is not there',
      () => ({ a: { x: { module: './no-such-sink.ts' } } }),
      /^sinks\.custom\.a\.x: the module \.\/no-such-sink\.ts cannot be loaded/,
      /no such file; the path is relative to the working directory/,
    ],
    [
      'a package that is not there',
      () => ({ lacking: { x: {} } }),
      /^sinks\.custom\.lacking\.x: the module drakkar-sink-lacking cannot be loaded/,
      /npm install drakkar-sink-lacking/,
    ],
    [
      'a module that throws',
      async (file) => ({ a: { x: { module: await file('throws.mjs', "throw new Error('not today')") } } }),
      /cannot be loaded: not today/,
      /module itself/,
    ],
    [
      'a module that is no sink',
      async (file) => ({ a: { x: { module: await file('none.mjs', 'export default { kind: 1 }') } } }),
      /exports no sink as its default/,
      /defineSink/,
    ],
    [
      'a module of another kind',
      () => ({ postgresql: { x: { module: EXAMPLE } } }),
      /is a sink of the kind "sqlite", and stands under "postgresql"/,
      /sinks\.custom\.sqlite/,
    ],
    [
      'two modules for one kind',
      async (file) => ({
        other: {
          x: { module: await file('one.mjs', "export default defineSink({ kind: 'other', create: () => sink })") },
          y: { module: await file('two.mjs', "export default defineSink({ kind: 'other', create: () => sink })") },
        },
      }),
      /sinks\.custom\.other\.y: .*one\.mjs and .*two\.mjs both stand for the kind other/,
      /another kind/,
    ],
    [
      'one name twice',
      async (file) => ({
        sqlite: { main: { module: EXAMPLE, path: join(folder, 'c.db') } },
        other: {
          main: { module: await file('three.mjs', "export default defineSink({ kind: 'other', create: () => sink })") },
        },
      }),
      /sinks\.custom\.other\.main: sinks\.custom\.sqlite\.main has the same name/,
      /rename/,
    ],
    [
      'options that its schema refuses',
      () => ({ sqlite: { main: { module: EXAMPLE, paht: 'x' } } }),
      /sinks\.custom\.sqlite\.main: path: .*; .*paht/,
      /does not take these options/,
    ],
    [
      'an instance that is no sink',
      async (file) => ({
        half: {
          x: {
            module: await file(
              'half.mjs',
              "export default defineSink({ kind: 'half', create: () => ({ accept() {}, size() {} }) })",
            ),
          },
        },
      }),
      /has no connect\(\), deliver\(\), close\(\)/,
      /guide/,
    ],
    [
      'a create() that throws a secret',
      async (file) => ({
        s: {
          x: {
            module: await file(
              'secret.mjs',
              "export default defineSink({ kind: 's', create() { throw new Error('postgres://me:word@host refused') } })",
            ),
          },
        },
      }),
      /cannot be made: postgres:\/\/\*\*\*@host refused/,
      /create\(\)/,
    ],
  ])('%s is told with its place and what to do', async (_, make, message, advice) => {
    const made = await make(moduleFile)
    const thrown = await loaded(made).then(
      () => null,
      (error: unknown) => error,
    )
    expect(thrown).toMatchObject({
      code: 'SINK_INVALID',
      message: expect.stringMatching(message) as string,
      advice: expect.stringMatching(advice) as string,
    })
  })

  test('the worker’s own settings are checked with the configuration', async () => {
    await expect(loaded({ a: { x: { module: '', linger_ms: -1 } } })).rejects.toThrow(
      /sinks\.custom\.a\.x\.linger_ms must be[^]*sinks\.custom\.a\.x\.module must be/,
    )
  })
})
