import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { virtualClock } from '../../../../testing/virtual-clock.ts'
import { Credentials } from './credentials.ts'

const CLIENT = { 'bootstrap.servers': 'h:1', 'sasl.username': 'bob' }

test('a client without a file has the properties that it was given, and nothing is read', () => {
  const clock = virtualClock()
  const credentials = new Credentials({ ...CLIENT, 'sasl.password': 'word' }, clock)
  credentials.follow({ setSaslCredentials: () => expect.fail() })
  expect(credentials.properties).toEqual({ ...CLIENT, 'sasl.password': 'word' })
  expect(clock.scheduled).toBe(0)
})

test('the password of the file is the client’s, and a new one is handed to it with the user', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'drakkar-credentials-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'password')
  const clock = virtualClock()
  const properties = { ...CLIENT, 'sasl.password.file': file }
  expect(() => new Credentials(properties, clock)).toThrow(
    `The file with the password for Kafka cannot be used: ENOENT: no such file or directory, open '${file}'`,
  )
  writeFileSync(file, 'first\n')
  const credentials = new Credentials(properties, clock)
  expect(credentials.properties).toEqual({ ...CLIENT, 'sasl.password': 'first' })
  const given: string[][] = []
  credentials.follow({ setSaslCredentials: (...both) => given.push(both) })
  writeFileSync(file, 'second\n')
  await clock.run(5000)
  while (clock.scheduled === 0) await setImmediate()
  expect(given).toEqual([['bob', 'second']])
  credentials.stop()
  expect(clock.scheduled).toBe(0)
})
