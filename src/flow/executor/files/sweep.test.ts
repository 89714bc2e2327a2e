import { existsSync, linkSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { thisMachine } from './folder-name.ts'
import { RunFolder } from './run-folder.ts'
import { judge, sweep } from './sweep.ts'

const base = mkdtempSync(join(tmpdir(), 'sweep-'))
afterAll(() => rmSync(base, { recursive: true }))
const here = thisMachine()
const nameOf = (host: string, boot: string): string =>
  `drakkar-${host}-${boot}-${Math.trunc(Math.random() * 36 ** 6)
    .toString(36)
    .padStart(6, '0')}`

/** A folder with a file and, where it is said, a socket that nobody listens to. */
function leftover(name: string, alive: 'dead' | 'none'): string {
  const path = join(base, name)
  mkdirSync(join(path, '7'), { recursive: true })
  writeFileSync(join(path, '7', 'data'), 'x')
  if (alive === 'dead') writeFileSync(join(path, 'alive'), '')
  return path
}

describe('whether the maker of a folder is gone', () => {
  it.each([
    [nameOf(here.host, here.boot), 'ask'],
    [nameOf('00000000', here.boot), 'ask'],
    [nameOf(here.host, '00000000'), 'gone'],
    [nameOf('00000000', '00000000'), 'leave'],
    ['drakkar-00000000-other', 'leave'],
    ['drakkar-abcdef', 'leave'],
  ])('%s: %s', (name, verdict) => expect(judge(name, here)).toBe(verdict))
})

describe('a sweep', () => {
  it('removes what is left of dead workers, and nothing else', async () => {
    const living = new RunFolder(base, 'executor.scratch_dir')
    const kept = await living.open()
    onTestFinished(() => living.close())
    const rebooted = leftover(nameOf(here.host, '11111111'), 'none')
    const elsewhere = leftover(nameOf('22222222', '22222222'), 'dead')
    const stranger = leftover('drakkar-something', 'dead')
    const young = leftover(nameOf(here.host, here.boot), 'none')
    const old = leftover(nameOf(here.host, here.boot), 'none')
    utimesSync(old, new Date(0), new Date(0))
    // A socket whose process is gone, as after a SIGKILL.
    const dead = leftover(nameOf(here.host, here.boot), 'none')
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(join(dead, 'bound'), resolve))
    linkSync(join(dead, 'bound'), join(dead, 'alive'))
    await new Promise((resolve) => server.close(resolve))
    expect(readdirSync(dead)).toContain('alive')

    const removed = await sweep(base)
    expect(removed.toSorted()).toEqual([rebooted, old, dead].toSorted())
    expect([kept, elsewhere, stranger, young].map(existsSync)).toEqual([true, true, true, true])
    expect([rebooted, old, dead].map(existsSync)).toEqual([false, false, false])
  })

  it('does not mind a folder that is not there', async () => {
    expect(await sweep(join(base, 'nothing'))).toEqual([])
  })
})

describe('a folder that cannot be made', () => {
  it('is an error of the option that names it', async () => {
    const folder = new RunFolder('/no/such/folder', 'executor.spill_dir')
    await expect(folder.open()).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      advice: expect.stringContaining('executor.spill_dir'),
    })
    await folder.close()
    const long = new RunFolder(join(base, 'x'.repeat(100)), 'executor.scratch_dir')
    await expect(long.open()).rejects.toThrow('too long for a socket')
  })
})
