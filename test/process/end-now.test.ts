import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'

const LIB = new URL('../../src/lib/index.ts', import.meta.url).href
/** Keeps a thread of the pool busy for minutes, which `process.exit` would wait for. */
const BUSY_THREAD = ";(await import('node:crypto')).pbkdf2('a', 'b', 500_000_000, 64, 'sha512', () => {})"

test('a process ends with its status at once, though threads of native code still work', async () => {
  const script = `
    const { endNow } = await import(${JSON.stringify(LIB)})
    process.on('exit', (status) => console.log('listener', status))
    ${BUSY_THREAD}
    endNow(73)
  `
  const child = spawn(process.execPath, ['--conditions=drakkar-src', '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const limit = setTimeout(() => child.kill('SIGKILL'), 20_000)
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  const [status, signal] = (await once(child, 'close')) as [number | null, string | null]
  clearTimeout(limit)
  expect({ status, signal, text }).toEqual({ status: 73, signal: null, text: 'listener 73\n' })
})
