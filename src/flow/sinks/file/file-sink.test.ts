import { execFile } from 'node:child_process'
import {
  appendFile,
  link,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { sinkContract } from '../../../testing/index.ts'
import type { RecordVerdict, Sink } from '../sink.ts'
import { append, cutTornLine } from './append.ts'
import { type FileRecord, fileRecord } from './file-record.ts'
import { createFileSink, type FileSinkOptions } from './file-sink.ts'

const assignment = { topic: 'jobs', partition: 0, epoch: 1, owner: 1 }
const { signal } = new AbortController()

let root = ''
let base = ''
const sinks: Sink<FileRecord>[] = []
let counter = 0

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'drakkar-files-'))
  base = join(root, 'base')
  await mkdir(base)
})

afterEach(async () => {
  for (const sink of sinks.splice(0)) await sink.close()
  await rm(root, { recursive: true })
})

async function connected(options: Partial<FileSinkOptions> = {}): Promise<Sink<FileRecord>> {
  const sink = createFileSink({ name: 'out', basePath: base, ...options })
  await sink.connect()
  sinks.push(sink)
  return sink
}

function write(
  sink: Sink<FileRecord>,
  ...lines: readonly (readonly [path: string, data: unknown])[]
): Promise<string[]> {
  const batch = lines.map(([path, data]) => ({
    id: `r${(counter += 1)}`,
    payload: sink.accept({ path, data }),
    assignment,
  }))
  return sink.deliver(batch, signal).then((verdicts) => verdicts.map(shown))
}

const shown = (verdict: RecordVerdict): string => (verdict.ok ? 'ok' : `${verdict.kind}: ${verdict.error.message}`)
const text = (...path: string[]): Promise<string> => readFile(join(base, ...path), 'utf8')

sinkContract(test, 'file sink', async () => {
  const basePath = await mkdtemp(join(tmpdir(), 'drakkar-contract-'))
  return {
    sink: createFileSink({ name: 'out', basePath }),
    payload: (value) => ({ path: 'a/out.jsonl', data: { value } }),
    spoil: (payload) => {
      ;(payload['data'] as { value: string }).value = 'spoilt'
    },
    bad: [undefined, {}, { path: 'x' }, { path: 'x', data: 1n }, { path: '../x', data: 1 }, { path: '', data: 1 }],
    written: async () => {
      const lines = (await readFile(join(basePath, 'a/out.jsonl'), 'utf8')).split('\n')
      expect(lines.pop()).toBe('')
      return lines.map((line) => (JSON.parse(line) as { value: string }).value)
    },
    idempotent: true,
    cleanUp: () => rm(basePath, { recursive: true }),
  }
})

const plain = { columns: null, delimiter: ',', header: true, escapeFormulas: false }
const taken = (output: object): FileRecord => fileRecord(output, { format: 'jsonl', path: '', csv: plain }, () => 0)

test('a line is the JSON of the data and nothing else', () => {
  expect(taken({ path: './a//b.jsonl', data: { x: 'ø\n' } })).toEqual({
    path: 'a/b.jsonl',
    template: false,
    content: '{"x":"ø\\n"}\n',
  })
  expect(taken({ path: 'a', data: null }).content).toBe('null\n')
  expect(taken({ path: 'a..b', data: 'text' }).content).toBe('"text"\n')
})

test.each([
  ['../x', 'must not have .. in it'],
  ['a/../../x', 'must not have .. in it'],
  ['/etc/passwd', "must be relative to the sink's base_path"],
  ['a\0b', 'has a NUL in it'],
  ['', 'does not name a file'],
  ['a/', 'does not name a file'],
  ['.', 'does not name a file'],
  ['./.drakkar/x', "the sink's own folder"],
  [undefined, '`path` is missing'],
  [7, '`path` must be a string, not 7'],
])('the path %j is refused', (path, message) => {
  expect(() => taken({ path, data: 1 })).toThrow(message)
})

test('records of one batch go to their files, in order, and missing folders are made', async () => {
  const sink = await connected()
  expect(await write(sink, ['a.jsonl', 1], ['x/y/b.jsonl', 2], ['a.jsonl', 3])).toEqual(['ok', 'ok', 'ok'])
  expect(await write(sink, ['a.jsonl', 4])).toEqual(['ok'])
  expect(await text('a.jsonl')).toBe('1\n3\n4\n')
  expect(await text('x', 'y', 'b.jsonl')).toBe('2\n')
})

test('a line that a crash tore is cut off when the file is opened; whole lines stay', async () => {
  const long = `${JSON.stringify('x'.repeat(200_000))}\n`
  await writeFile(join(base, 'torn.jsonl'), `{"n":1}\n${long}${'{"torn":"'.padEnd(150_000, 'y')}`)
  await writeFile(join(base, 'only-torn.jsonl'), '{"torn')
  await writeFile(join(base, 'whole.jsonl'), '{"n":1}\n')
  const sink = await connected()
  expect(await write(sink, ['torn.jsonl', 2], ['only-torn.jsonl', 2], ['whole.jsonl', 2])).toEqual(['ok', 'ok', 'ok'])
  expect(await text('torn.jsonl')).toBe(`{"n":1}\n${long}2\n`)
  expect(await text('only-torn.jsonl')).toBe('2\n')
  expect(await text('whole.jsonl')).toBe('{"n":1}\n2\n')
})

test('nothing is written outside the base folder through links, in parents or the file itself', async () => {
  const outside = join(root, 'outside')
  await mkdir(outside)
  await writeFile(join(outside, 'secret.jsonl'), 'secret\n')
  await symlink(outside, join(base, 'folder'))
  await symlink(join(outside, 'secret.jsonl'), join(base, 'file.jsonl'))
  await symlink(join(outside, 'new.jsonl'), join(base, 'dangling.jsonl'))
  await symlink(join(outside, 'new'), join(base, 'dangling'))
  await symlink(base, join(base, 'itself'))
  await mkdir(`${base}-beside`)
  await symlink(`${base}-beside`, join(base, 'beside'))
  const sink = await connected()
  const escapes = [
    'folder/x',
    'folder/a/b',
    'file.jsonl',
    'dangling.jsonl',
    'dangling/x',
    'beside/x',
    'itself/folder/x',
  ]
  for (const verdict of await write(sink, ...escapes.map((path) => [path, 1] as const))) {
    expect(verdict).toMatch(/^permanent: .*(leaves the folder|leads to nothing)/)
  }
  expect(await readdir(outside)).toEqual(['secret.jsonl'])
  expect(await readFile(join(outside, 'secret.jsonl'), 'utf8')).toBe('secret\n')
  expect(await readdir(`${base}-beside`)).toEqual([])
  expect(await write(sink, ['itself/in.jsonl', 1], ['in.jsonl', 2])).toEqual(['ok', 'ok'])
  expect(await text('in.jsonl')).toBe('1\n2\n')
})

test('a path that can never be a file is refused for good; others of the batch are written', async () => {
  await mkdir(join(base, 'folder'))
  await promisify(execFile)('mkfifo', [join(base, 'pipe')])
  const sink = await connected()
  const verdicts = await write(sink, ['folder', 1], ['good', 2], ['good/under', 3], ['n'.repeat(300), 4], ['pipe', 5])
  expect(verdicts.map((verdict) => verdict.split(':')[0])).toEqual([
    'permanent',
    'ok',
    'permanent',
    'permanent',
    'permanent',
  ])
  expect(await text('good')).toBe('2\n')
})

test('two names of one file are written as one file', async () => {
  await writeFile(join(base, 'a'), '')
  await link(join(base, 'a'), join(base, 'b'))
  const sink = await connected()
  expect(await write(sink, ['a', 1], ['b', 2], ['a', 3])).toEqual(['ok', 'ok', 'ok'])
  expect((await text('a')).split('\n').sort()).toEqual(['', '1', '2', '3'])
})

test('a file that was moved away or deleted is opened anew', async () => {
  const sink = await connected()
  await write(sink, ['log', 1])
  await rename(join(base, 'log'), join(base, 'log.1'))
  await write(sink, ['log', 2])
  await rm(join(base, 'log'))
  await write(sink, ['log', 3])
  expect([await text('log'), await text('log.1')]).toEqual(['3\n', '1\n'])
})

test.runIf(process.platform === 'linux')(
  'it keeps a limited number of files open, and each still gets all of its lines',
  async () => {
    const sink = await connected({ maxOpenFiles: 4, fsync: false })
    const openHere = async (): Promise<number> => {
      const links = await Promise.all(
        (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
      )
      return links.filter((target) => target.startsWith(base) && !target.includes('.drakkar')).length
    }
    const lines = Array.from({ length: 100 }, (_, index) => [`f${index % 50}`, index] as const)
    expect(new Set(await write(sink, ...lines))).toEqual(new Set(['ok']))
    expect(await openHere()).toBe(4)
    for (let n = 0; n < 50; n += 1) expect(await text(`f${n}`)).toBe(`${n}\n${n + 50}\n`)
    await sink.close()
    expect(await openHere()).toBe(0)
  },
)

test.runIf(process.platform === 'linux')(
  'a full disk is a failure that passes: nothing is acknowledged and the error says so',
  async () => {
    const full = await open('/dev/full', 'a')
    try {
      await expect(append(full, Buffer.from('1\n'), () => full.datasync())).rejects.toThrow(/ENOSPC/)
    } finally {
      await full.close()
    }
  },
)

test('a batch that can be written only in part is cut off whole and tried later (file size limit)', async () => {
  // The system's own short write: a child whose files may have 4 KiB (in the shell's blocks of 512 or 1,024 bytes).
  const program = `
    import { readdirSync, readFileSync } from 'node:fs'
    import { join } from 'node:path'
    import { createFileSink } from ${JSON.stringify(join(import.meta.dirname, 'file-sink.ts'))}
    const sink = createFileSink({ name: 'out', basePath: ${JSON.stringify(base)} })
    await sink.connect()
    const deliver = async (...lines) => {
      const batch = lines.map((data) => ({ id: data, payload: sink.accept({ path: 'out.jsonl', data }), assignment: {} }))
      const verdicts = await sink.deliver(batch, new AbortController().signal)
      return verdicts.map((verdict) => (verdict.ok ? 'ok' : verdict.kind + ' ' + verdict.error.cause.code)).join()
    }
    const answers = [await deliver('first'), await deliver('whole', 'x'.repeat(20000))]
    // The note goes before the bytes: it is there although they are not.
    const notes = ${JSON.stringify(join(base, '.drakkar'))}
    answers.push(readFileSync(join(notes, readdirSync(notes)[0]), 'utf8').includes('"whole"'), await deliver('last'))
    await sink.close()
    process.stdout.write(JSON.stringify(answers))
  `
  const script = join(root, 'child.mts')
  await writeFile(script, program)
  const shell = `trap '' XFSZ; ulimit -f 8; exec "${process.execPath}" --conditions=drakkar-src "${script}"`
  const { stdout } = await promisify(execFile)('sh', ['-c', shell])
  expect(JSON.parse(stdout)).toEqual(['ok', 'transient EFBIG,transient EFBIG', true, 'ok'])
  expect(await text('out.jsonl')).toBe('"first"\n"last"\n')
})

test('only an unfinished last line is cut', async () => {
  for (const [before, cut, after] of [
    ['', 0, ''],
    ['a\n', 0, 'a\n'],
    ['a\nb', 1, 'a\n'],
    ['abc', 3, ''],
    ['\n', 0, '\n'],
    [`a\n${'b'.repeat(65_536)}`, 65_536, 'a\n'],
    [`a\n${'b'.repeat(131_072)}`, 131_072, 'a\n'],
    [`${'b'.repeat(65_535)}\n`, 0, `${'b'.repeat(65_535)}\n`],
  ] as const) {
    await writeFile(join(base, 'f'), before)
    const file = await open(join(base, 'f'), 'r+')
    expect(await cutTornLine(file)).toBe(cut)
    await file.close()
    expect(await text('f')).toBe(after)
  }
})

test('a batch whose deadline passed while another was written is not written later', async () => {
  const sink = await connected()
  const deadline = new AbortController()
  const payload = sink.accept({ path: 'f', data: 1 })
  const first = sink.deliver([{ id: 'a', payload, assignment }], signal)
  const second = sink.deliver([{ id: 'b', payload, assignment }], deadline.signal)
  deadline.abort()
  expect(await first).toEqual([{ ok: true }])
  await expect(second).rejects.toThrow('still writing')
  expect(await text('f')).toBe('1\n')
})

test('a base folder that cannot be used is found at the start, with advice', async () => {
  await appendFile(join(root, 'file'), '')
  for (const [basePath, reason] of [
    [join(root, 'missing'), 'ENOENT'],
    [join(root, 'file'), 'not a folder'],
  ]) {
    const sink = createFileSink({ name: 'out', basePath: basePath as string })
    await expect(sink.connect()).rejects.toMatchObject({
      code: 'SINK_UNAVAILABLE',
      message: expect.stringMatching(new RegExp(`^sinks.filesystem.out.base_path: .*${reason}`)) as string,
      advice: expect.stringContaining('mkdir -p') as string,
    })
  }
})
