// The file sink through the delivery of a worker, with and without notes and flushing, beside the plainest good script, which
// appends as many lines at once, and one line at a time.
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createFileSink, type FileSinkOptions } from '../../src/flow/sinks/index.ts'
import { type Figures, measured, print, throughDelivery } from './delivered.ts'

const COUNT = Number(process.env['BENCH_RECORDS'] ?? 100_000)
/** Records of a batch, the script's and the sink's. */
const BATCH = 500
const data = (n: number): object => ({ id: n, text: 'x'.repeat(100) })

async function sink(what: string, options: Partial<FileSinkOptions>, count = COUNT): Promise<Figures> {
  const basePath = await mkdtemp(join(process.env['BENCH_FOLDER'] ?? tmpdir(), 'drakkar-bench-'))
  try {
    const made = createFileSink({ name: 'out', basePath, path: 'out.jsonl', ...options })
    return await throughDelivery(what, made, { maxRecords: BATCH, inFlight: 1 }, count, (n) => ({
      files: [{ data: data(n) }],
    }))
  } finally {
    await rm(basePath, { recursive: true })
  }
}

async function script(what: string, fsync: boolean, count: number, size: number): Promise<Figures> {
  const folder = await mkdtemp(join(process.env['BENCH_FOLDER'] ?? tmpdir(), 'drakkar-bench-'))
  const file = await open(join(folder, 'out.jsonl'), 'a')
  const { perSecond, cpuUs } = await measured(what, count / size, 1, async (n) => {
    await file.write(Array.from({ length: size }, (_, at) => `${JSON.stringify(data(n * size + at))}\n`).join(''))
    if (fsync) await file.datasync()
  })
  await file.close()
  await rm(folder, { recursive: true })
  return { what, perSecond: perSecond * size, cpuUs: cpuUs / size }
}

await sink('', {}, COUNT / 10)
print([
  await script(`script, a write for ${BATCH} lines, no fsync`, false, COUNT, BATCH),
  await sink('sink, no fsync', { fsync: false }),
  await sink('sink, no fsync, no notes', { fsync: false, remember: 0 }),
])
print([
  await script(`script, a write and fsync for ${BATCH} lines`, true, COUNT, BATCH),
  await sink('sink', {}),
  await sink('sink, no notes', { remember: 0 }),
  await sink('sink, gzip', { compression: 'gzip' }),
  await sink('sink, mode file', { mode: 'file', path: '{id}' }, COUNT / 20),
  await script('script, a write and fsync for each line', true, COUNT / 20, 1),
])
