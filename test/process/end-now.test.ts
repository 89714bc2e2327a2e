import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'

const LIB = new URL('../../src/lib/index.ts', import.meta.url).href
/** Keeps a thread of the pool busy for minutes, which `process.exit` would wait for. */
const BUSY_THREAD = ";(await import('node:crypto')).pbkdf2('a', 'b', 500_000_000, 64, 'sha512', () => {})"

/** A library that every Node on glibc is linked with, and the name that takes its place in the copy. */
const LIBRARY = 'libdl.so.2'
const RENAMED = 'libdd.so.2'

const folder = mkdtempSync(join(tmpdir(), 'drakkar-end-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Where this Node has the library from; undefined where it has none of that name. */
const libraryPath = (): string | undefined =>
  (process.report.getReport() as { readonly sharedObjects: readonly string[] }).sharedObjects.find((path) =>
    path.endsWith(`/${LIBRARY}`),
  )

/** A copy of this Node that starts only with `LD_LIBRARY_PATH`: one of its libraries has another name there. */
function nodeThatNeedsItsPath(library: string): { readonly node: string; readonly libraries: string } {
  const program = readFileSync(process.execPath)
  const name = Buffer.from(`\0${LIBRARY}\0`)
  for (let at = program.indexOf(name); at !== -1; at = program.indexOf(name, at + 1)) program.write(RENAMED, at + 1)
  const node = join(folder, 'node')
  writeFileSync(node, program, { mode: 0o755 })
  symlinkSync(library, join(folder, RENAMED))
  return { node, libraries: folder }
}

interface Ended {
  readonly status: number | null
  readonly signal: string | null
  readonly text: string
}

async function endOf(node: string, env: NodeJS.ProcessEnv = {}, before = ''): Promise<Ended> {
  const script = `
    const { endNow } = await import(${JSON.stringify(LIB)})
    process.on('exit', (status) => console.log('listener', status))
    ${BUSY_THREAD}
    ${before}
    endNow(73)
  `
  const child = spawn(node, ['--conditions=drakkar-src', '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  })
  const limit = setTimeout(() => child.kill('SIGKILL'), 20_000)
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  const [status, signal] = (await once(child, 'close')) as [number | null, string | null]
  clearTimeout(limit)
  return { status, signal, text }
}

test('a process ends with its status at once, though threads of native code still work', async () => {
  expect(await endOf(process.execPath)).toEqual({ status: 73, signal: null, text: 'listener 73\n' })
})

test.skipIf(libraryPath() === undefined)('a Node that starts only with its path of libraries does so too', async () => {
  const { node, libraries } = nodeThatNeedsItsPath(libraryPath() as string)
  const ended = await endOf(node, { LD_LIBRARY_PATH: libraries })
  expect(ended).toEqual({ status: 73, signal: null, text: 'listener 73\n' })
})

test.skipIf(process.platform !== 'linux')(
  'a Node whose file was removed meanwhile, by an upgrade, does so too',
  async () => {
    const node = join(folder, 'removed')
    copyFileSync(process.execPath, node)
    const ended = await endOf(node, {}, ";(await import('node:fs')).unlinkSync(process.execPath)")
    expect(ended).toEqual({ status: 73, signal: null, text: 'listener 73\n' })
  },
)

test('what is loaded before a Node’s own program is not loaded again at its end', async () => {
  const preload = join(folder, 'preload.cjs')
  writeFileSync(preload, 'console.log("preload")\n')
  const ended = await endOf(process.execPath, { NODE_OPTIONS: `--require ${JSON.stringify(preload)}` })
  expect(ended).toEqual({ status: 73, signal: null, text: 'preload\nlistener 73\n' })
})
