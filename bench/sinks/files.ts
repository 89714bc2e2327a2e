// The file sink through the delivery of a worker, with and without notes and flushing, beside a script that appends lines
// one at a time, as the plainest one would.
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createFileSink, type FileSinkOptions } from '../../src/flow/sinks/index.ts'
import { type Figures, measured, print, throughDelivery } from './delivered.ts'

const COUNT = Number(process.env['BENCH_RECORDS'] ?? 100_000)
const data = (n: number): object => ({ id: n, text: 'x'.repeat(100) })

async function sink(what: string, options: Partial<FileSinkOptions>, count = COUNT): Promise<Figures> {
  const basePath = await mkdtemp(join(process.env['BENCH_FOLDER'] ?? tmpdir(), 'drakkar-bench-'))
  try {
    const made = createFileSink({ name: 'out', basePath, path: 'out.jsonl', ...options })
    return await throughDelivery(what, made, {}, count, (n) => ({ files: [{ data: data(n) }] }))
  } finally {
    await rm(basePath, { recursive: true })
  }
}

async function script(what: string, fsync: boolean, count: number): Promise<Figures> {
  const folder = await mkdtemp(join(process.env['BENCH_FOLDER'] ?? tmpdir(), 'drakkar-bench-'))
  const file = await open(join(folder, 'out.jsonl'), 'a')
  const figures = await measured(what, count, 1, async (n) => {
    await file.write(`${JSON.stringify(data(n))}\n`)
    if (fsync) await file.datasync()
  })
  await file.close()
  await rm(folder, { recursive: true })
  return figures
}

await sink('', {}, COUNT / 10)
print([
  await script('script, a write for each line, no fsync', false, COUNT),
  await sink('sink, no fsync', { fsync: false }),
  await sink('sink, no fsync, no notes', { fsync: false, remember: 0 }),
])
print([
  await script('script, a write and fsync for each line', true, COUNT / 20),
  await sink('sink', {}),
  await sink('sink, no notes', { remember: 0 }),
  await sink('sink, gzip', { compression: 'gzip' }),
  await sink('sink, mode file', { mode: 'file', path: '{id}' }, COUNT / 20),
])
