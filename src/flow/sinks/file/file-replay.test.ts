import { execFile } from 'node:child_process'
import { appendFileSync, readFileSync, truncateSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { virtualClock } from '../../../testing/index.ts'
import type { RecordVerdict, Sink } from '../sink.ts'
import type { FileRecord } from './file-record.ts'
import { createFileSink, type FileSinkOptions } from './file-sink.ts'

const assignment = { topic: 'jobs', partition: 2, epoch: 1, owner: 1 }
const { signal } = new AbortController()
let base = ''
const sinks: Sink<FileRecord>[] = []

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'drakkar-replay-'))
})
afterEach(async () => {
  for (const sink of sinks.splice(0)) await sink.close().catch(() => undefined)
  await rm(base, { recursive: true })
})

async function opened(options: Partial<FileSinkOptions> = {}): Promise<Sink<FileRecord>> {
  const sink = createFileSink({ name: 'out', basePath: base, path: 'out.jsonl', ...options })
  await sink.connect()
  sinks.push(sink)
  return sink
}

const shown = (verdict: RecordVerdict): string => (verdict.ok ? 'ok' : `${verdict.kind} ${verdict.error.message}`)

/** Delivers data under ids, as a replay does: the same id is the same record. */
async function deliver(
  sink: Sink<FileRecord>,
  ...records: readonly (readonly [id: string, data: unknown])[]
): Promise<string[]> {
  const batch = records.map(([id, data]) => ({ id, payload: sink.accept({ data }), assignment }))
  return (await sink.deliver(batch, signal)).map(shown)
}

const text = (name: string): Promise<string> => readFile(join(base, name), 'utf8')
const names = async (): Promise<string[]> => (await readdir(base)).filter((name) => !name.startsWith('.drakkar')).sort()
const notesFile = async (): Promise<string> => {
  const [name] = await readdir(join(base, '.drakkar'))
  return join(base, '.drakkar', name ?? 'none')
}

test('a record that comes again is acknowledged and not written again, also by another worker and within one batch', async () => {
  const first = await opened()
  expect(await deliver(first, ['a', 1], ['b', 2], ['a', 1])).toEqual(['ok', 'ok', 'ok'])
  expect(await deliver(first, ['b', 2], ['c', 3])).toEqual(['ok', 'ok'])
  // No close: as after SIGKILL.
  const second = await opened()
  expect(await deliver(second, ['a', 1], ['c', 3], ['d', 4])).toEqual(['ok', 'ok', 'ok'])
  expect(await text('out.jsonl')).toBe('1\n2\n3\n4\n')
})

describe.each([
  ['jsonl', {}, (bytes: Buffer) => bytes.toString()],
  ['csv', { format: 'csv' as const }, (bytes: Buffer) => bytes.toString()],
  ['gzip', { compression: 'gzip' as const }, (bytes: Buffer) => gunzipSync(bytes).toString()],
])('a crash at any byte of a batch: %s', (kind, options, read) => {
  test.each([0, 2])(
    'its records are there once after they came again, %i records before it',
    { timeout: 60_000 },
    async (earlier) => {
      const file = join(base, kind === 'gzip' ? 'out.jsonl.gz' : 'out.jsonl')
      const record = (n: number): [string, unknown] => [`r${n}`, kind === 'csv' ? { n, t: 'line\nfeed' } : { n }]
      const sink = await opened(options)
      for (let n = 0; n < earlier; n += 1) await deliver(sink, record(n))
      const sizes = async (path: string): Promise<number> => (await stat(path).catch(() => ({ size: 0 }))).size
      const batch = [record(earlier), record(earlier + 1)]
      const notes = earlier === 0 ? null : await notesFile()
      const before = { file: await sizes(file), notes: notes === null ? 0 : await sizes(notes) }
      await deliver(sink, ...batch)
      const want = read(await readFile(file))
      const contents = new Map([file, await notesFile()].map((path): [string, Buffer] => [path, readFileSync(path)]))
      const [whole, noted] = [...contents.values()].map(({ length }) => length) as [number, number]
      // The note goes before the bytes: every length of the note without bytes, then every length of the bytes with it.
      const crashes: [fileSize: number, notesSize: number][] = []
      for (let size = before.notes; size <= noted; size += 7) crashes.push([before.file, size])
      for (let size = before.file; size <= whole; size += 1) crashes.push([size, noted])
      for (const [fileSize, notesSize] of crashes) {
        // The same inode, as after a real crash: contents are put back, not files.
        for (const [path, bytes] of contents) {
          truncateSync(path, 0)
          appendFileSync(path, bytes.subarray(0, path === file ? fileSize : notesSize))
        }
        const again = await opened(options)
        expect(await deliver(again, ...batch)).toEqual(['ok', 'ok'])
        expect(read(await readFile(file)), `${fileSize} bytes, ${notesSize} of notes`).toBe(want)
        await again.close()
      }
    },
  )
})

test('without notes a record that comes again is written again, and torn lines are still cut', async () => {
  const sink = await opened({ remember: 0 })
  await deliver(sink, ['a', 1], ['a', 1])
  appendFileSync(join(base, 'out.jsonl'), '{"torn')
  expect(await deliver(await opened({ remember: 0 }), ['a', 1])).toEqual(['ok'])
  expect(await text('out.jsonl')).toBe('1\n1\n1\n')
  expect(await readdir(base)).toEqual(['out.jsonl'])
})

test('the notes stay small, and what is remembered is at least the last records', async () => {
  const sink = await opened({ remember: 10, fsync: false })
  for (let n = 0; n < 100; n += 1) await deliver(sink, [`r${n}`, n])
  expect((await stat(await notesFile())).size).toBeLessThan(4000)
  const again = await opened({ remember: 10 })
  await deliver(again, ...Array.from({ length: 10 }, (_, n): [string, number] => [`r${90 + n}`, 90 + n]))
  expect((await text('out.jsonl')).split('\n')).toHaveLength(101)
})

test('notes of a week ago go at the start', async () => {
  const clock = virtualClock()
  await deliver(await opened(), ['a', 1])
  const late = { ...clock, now: () => Date.now() + 8 * 24 * 3600_000 }
  await opened({ clock: late })
  expect(await readdir(join(base, '.drakkar'))).toEqual([])
})

test('lines that somebody else appended stay, and a file that was cut or moved is taken as it is', async () => {
  const sink = await opened()
  await deliver(sink, ['a', 1])
  appendFileSync(join(base, 'out.jsonl'), '"theirs"\n')
  expect(await deliver(sink, ['b', 2], ['a', 1])).toEqual(['ok', 'ok'])
  expect(await text('out.jsonl')).toBe('1\n"theirs"\n2\n')
  await truncate(join(base, 'out.jsonl'), 0)
  expect(await deliver(sink, ['c', 3], ['b', 2])).toEqual(['ok', 'ok'])
  await rename(join(base, 'out.jsonl'), join(base, 'out.1'))
  expect(await deliver(sink, ['d', 4], ['c', 3])).toEqual(['ok', 'ok'])
  expect([await text('out.1'), await text('out.jsonl')]).toEqual(['3\n', '4\n'])
})

describe('formats', () => {
  test('csv: a header once, columns of the first record, and a record with others is refused alone', async () => {
    const sink = await opened({ format: 'csv', path: 'o.csv' })
    expect(await deliver(sink, ['a', { n: 1, t: 'x,y' }], ['b', { t: 'only' }], ['c', { n: 2, z: 3 }])).toEqual([
      'ok',
      'ok',
      expect.stringMatching(/^permanent o.csv: no column for z: the file has n, t. Set csv.columns/),
    ])
    const again = await opened({ format: 'csv', path: 'o.csv' })
    expect(await deliver(again, ['d', { t: 'q"', n: 4 }])).toEqual(['ok'])
    expect(await text('o.csv')).toBe('n,t\r\n1,"x,y"\r\n,only\r\n4,"q"""\r\n')
    await rm(join(base, '.drakkar'), { recursive: true })
    expect((await deliver(await opened({ format: 'csv', path: 'o.csv' }), ['e', { n: 5 }])).join()).toMatch(
      /^transient .*csv.columns/,
    )
  })

  test('raw: texts and bytes as they are; gzip and zstd are read by their tools', async () => {
    const raw = await opened({ format: 'raw', path: 'o.bin' })
    await deliver(raw, ['a', 'ø'], ['b', Buffer.of(0, 255)])
    expect(await readFile(join(base, 'o.bin'))).toEqual(Buffer.from([0xc3, 0xb8, 0, 255]))
    expect(() => raw.accept({ data: { a: 1 } })).toThrow('format: raw')
    const ends: number[] = []
    for (const compression of ['gzip', 'zstd'] as const) {
      const sink = await opened({ compression, path: 'o.jsonl' })
      await deliver(sink, ['a', 1], ['b', 2])
      ends.push((await stat(join(base, `o.jsonl.${compression === 'gzip' ? 'gz' : 'zst'}`))).size)
      await deliver(sink, ['c', 3])
    }
    expect(gunzipSync(await readFile(join(base, 'o.jsonl.gz'))).toString()).toBe('1\n2\n3\n')
    const { stdout } = await promisify(execFile)('gzip', ['-dc', join(base, 'o.jsonl.gz')])
    expect(stdout).toBe('1\n2\n3\n')
    // Node reads one frame only; the zstd tools read them all.
    const frames = await readFile(join(base, 'o.jsonl.zst'))
    const read = [frames.subarray(0, ends[1]), frames.subarray(ends[1])].map((frame) =>
      zstdDecompressSync(frame).toString(),
    )
    expect(read).toEqual(['1\n2\n', '3\n'])
  })

  test('mode file: each record a file, replaced when it comes again; nothing else is left', async () => {
    const sink = await opened({ mode: 'file', path: '{topic}/{partition}/{id}.json' })
    expect(await deliver(sink, ['jobs:2:1:0/files:out/0', { n: 1 }], ['../../x', { n: 2 }])).toEqual(['ok', 'ok'])
    await deliver(sink, ['jobs:2:1:0/files:out/0', { n: 1 }])
    const folder = join(base, 'jobs', '2')
    expect((await readdir(folder)).sort()).toEqual(['%2e.%2f..%2fx.json', 'jobs:2:1:0%2ffiles:out%2f0.json'])
    expect(await readFile(join(folder, 'jobs:2:1:0%2ffiles:out%2f0.json'), 'utf8')).toBe('{"n":1}\n')
    expect(await names()).toEqual(['jobs'])
    await mkdir(join(folder, 'taken.json', 'x'), { recursive: true })
    expect((await deliver(sink, ['taken', 1])).join()).toMatch(/^permanent/)
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })
})

describe('rotation', () => {
  test('by size: finished files appear whole under their names, and replays are known across them', async () => {
    const sink = await opened({ rotation: { bytes: 10, ms: 0 } })
    for (let n = 0; n < 12; n += 1) {
      await deliver(sink, [`r${n}`, n], [`r${Math.max(0, n - 1)}`, Math.max(0, n - 1)])
      for (const name of await names()) if (!name.endsWith('.part')) expect(await text(name)).toMatch(/^(\d+\n)+$/)
    }
    // As after SIGKILL: another worker goes on with the unfinished file.
    const again = await opened({ rotation: { bytes: 10, ms: 0 } })
    for (let n = 0; n < 14; n += 1) expect(await deliver(again, [`r${n}`, n])).toEqual(['ok'])
    await again.close()
    const all = await names()
    expect(all.every((name) => /^out-\d{8}T\d{9}Z(-\d+)?\.jsonl$/.test(name))).toBe(true)
    expect(all.length).toBeGreaterThanOrEqual(3)
    const lines = (await Promise.all(all.map(text))).join('').trim().split('\n').map(Number)
    expect(lines.sort((a, b) => a - b)).toEqual(Array.from({ length: 14 }, (_, n) => n))
    for (const name of all) expect((await stat(join(base, name))).size).toBeLessThanOrEqual(10)
  })

  test('each file has its header and is compressed, and a file that is closed for others is finished', async () => {
    const csv = await opened({
      format: 'csv',
      compression: 'gzip',
      path: '{data.f}.csv',
      rotation: { bytes: 1, ms: 0 },
      maxOpenFiles: 1,
    })
    for (const n of [1, 2, 3]) expect(await deliver(csv, [`a${n}`, { f: 'a', n }])).toEqual(['ok'])
    expect(await deliver(csv, ['b1', { f: 'b', n: 4 }], ['b2', { f: 'c', n: 5 }])).toEqual(['ok', 'ok'])
    const finished = (await names()).filter((name) => !name.endsWith('.part'))
    expect(finished.map((name) => name.replace(/-\d{8}T\d{9}Z(-\d+)?/, ''))).toEqual([
      'a.csv.gz',
      'a.csv.gz',
      'a.csv.gz',
      'b.csv.gz',
    ])
    const texts = finished.map((name) => gunzipSync(readFileSync(join(base, name))).toString())
    expect(texts.sort()).toEqual(['f,n\r\na,1\r\n', 'f,n\r\na,2\r\n', 'f,n\r\na,3\r\n', 'f,n\r\nb,4\r\n'])
  })

  test('by time, also of a file that nothing more is written to', async () => {
    const clock = virtualClock()
    const sink = await opened({ rotation: { bytes: 0, ms: 60_000 }, clock })
    await deliver(sink, ['a', 1])
    expect(await names()).toEqual(['out.jsonl.part'])
    await clock.run(59_000)
    expect(await names()).toEqual(['out.jsonl.part'])
    await clock.run(2_000)
    await expect.poll(names, { timeout: 5000 }).toEqual([expect.stringMatching(/^out-.*\.jsonl$/)])
  })
})

describe('what is in the way', () => {
  const root = process.getuid?.() === 0

  test.runIf(process.platform === 'linux' && root)(
    'a full disk: nothing is acknowledged, no half line stays, and it goes on',
    async () => {
      const disk = join(base, 'disk')
      await mkdir(disk)
      const mounted = await promisify(execFile)('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk]).then(
        () => true,
        () => false,
      )
      // Some containers may not mount; the file size limit of the other test is then what is left.
      if (!mounted) return
      try {
        const sink = await opened({ basePath: disk })
        expect(await deliver(sink, ['a', 1])).toEqual(['ok'])
        await writeFile(join(disk, 'ballast'), Buffer.alloc(48 * 1024))
        const large = 'x'.repeat(20_000)
        expect((await deliver(sink, ['b', large], ['c', 3])).join()).toMatch(/^transient .*ENOSPC.*transient/s)
        expect(await readFile(join(disk, 'out.jsonl'), 'utf8')).toBe('1\n')
        await rm(join(disk, 'ballast'))
        expect(await deliver(sink, ['a', 1], ['b', large], ['c', 3])).toEqual(['ok', 'ok', 'ok'])
        expect(await readFile(join(disk, 'out.jsonl'), 'utf8')).toBe(`1\n"${large}"\n3\n`)
        const whole = await opened({ basePath: disk, mode: 'file', path: '{id}' })
        expect((await deliver(whole, ['w', 'y'.repeat(60_000)])).join()).toMatch(/^transient .*ENOSPC/)
        expect((await readdir(disk)).sort()).toEqual(['.drakkar', 'out.jsonl'])
      } finally {
        for (const sink of sinks.splice(0)) await sink.close()
        await promisify(execFile)('umount', [disk])
      }
    },
  )

  test('too many open files, and a folder that may not be written to, may pass', async () => {
    // A child with few descriptors, and without the rights of root.
    const script = join(base, 'child.mts')
    await mkdir(join(base, 'out', 'locked'), { recursive: true })
    await chmod(base, 0o755)
    await chmod(join(base, 'out'), 0o777)
    await chmod(join(base, 'out', 'locked'), 0o555)
    await writeFile(
      script,
      `import { open } from 'node:fs/promises'
      import { createFileSink } from ${JSON.stringify(join(import.meta.dirname, 'file-sink.ts'))}
      if (process.getuid() === 0) process.setuid(65534)
      const sink = createFileSink({ name: 'out', basePath: ${JSON.stringify(join(base, 'out'))} })
      await sink.connect()
      const deliver = async (path) => {
        const record = { id: path, payload: sink.accept({ path, data: 1 }), assignment: {} }
        const [verdict] = await sink.deliver([record], new AbortController().signal)
        return verdict.ok ? 'ok' : verdict.kind + ' ' + verdict.error.cause.code
      }
      const answers = [await deliver('locked/x')]
      const held = []
      try { for (;;) held.push(await open('/dev/null')) } catch {}
      answers.push(await deliver('a'))
      for (const file of held) await file.close()
      answers.push(await deliver('a'))
      process.stdout.write(JSON.stringify(answers))`,
    )
    const shell = `ulimit -n 100; exec "${process.execPath}" --conditions=drakkar-src "${script}"`
    const { stdout } = await promisify(execFile)('sh', ['-c', shell], { cwd: join(import.meta.dirname, '../../../..') })
    expect(JSON.parse(stdout)).toEqual(['transient EACCES', 'transient EMFILE', 'ok'])
  })
})
