import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { virtualClock } from '../testing/virtual-clock.ts'
import { SecretFile } from './secret-file.ts'

function emptyPlace(): string {
  const folder = mkdtempSync(join(tmpdir(), 'drakkar-secret-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return join(folder, 'secret')
}

test('a new secret is told once; a file that is missing or empty for a while changes nothing', async () => {
  const path = emptyPlace()
  const clock = virtualClock()
  const told: string[] = []
  writeFileSync(path, 'first\n')
  const file = new SecretFile(path, clock)
  file.follow((secret) => told.push(secret))
  const passFiveSeconds = async (): Promise<void> => {
    await clock.run(5000)
    // The file is read in the machine's time; the next timer is set when that is done.
    while (clock.scheduled === 0) await setImmediate()
  }
  await passFiveSeconds()
  rmSync(path)
  await passFiveSeconds()
  writeFileSync(path, '')
  await passFiveSeconds()
  expect(file.secret).toBe('first')
  expect(told).toEqual([])
  writeFileSync(path, 'second \r\n')
  await passFiveSeconds()
  await passFiveSeconds()
  expect(file.secret).toBe('second ')
  expect(told).toEqual(['second '])
  file.stop()
  expect(clock.scheduled).toBe(0)
})

test('who stops while the file is read hears nothing any more', async () => {
  const path = emptyPlace()
  const clock = virtualClock()
  writeFileSync(path, 'first')
  const file = new SecretFile(path, clock)
  file.follow(() => expect.fail())
  writeFileSync(path, 'second')
  await clock.run(5000)
  file.stop()
  // Longer than the reading takes: it is one small file.
  for (let turn = 0; turn < 100; turn++) await setImmediate()
  expect(file.secret).toBe('first')
  expect(clock.scheduled).toBe(0)
})

test('a file that cannot be read, or holds nothing, is an error at first', () => {
  const path = emptyPlace()
  const make = (): SecretFile => new SecretFile(path, virtualClock())
  expect(make).toThrow(`ENOENT: no such file or directory, open '${path}'`)
  writeFileSync(path, '\n')
  expect(make).toThrow(`${path} is empty`)
})
