import { expect, test } from 'vitest'
import { lineRecord } from './line-record.ts'

const json = { raw: false }

test('a line is sent byte for byte, however its JSON is written', () => {
  const line = Buffer.from(' { "b" : 1.0 , "a":"\\u0041" } ')
  expect(lineRecord(line, json)).toEqual({ kind: 'record', key: null, value: line })
  for (const text of ['1', 'null', '"x"', '[]']) expect(lineRecord(Buffer.from(text), json).kind).toBe('record')
})

test('blank lines are passed over, unless any text is wanted', () => {
  expect(lineRecord(Buffer.from(' \t'), json)).toEqual({ kind: 'blank' })
  expect(lineRecord(Buffer.from(''), { raw: true })).toEqual({ kind: 'record', key: null, value: Buffer.from('') })
  const bytes = Buffer.from([0xff, 0x00])
  expect(lineRecord(bytes, { raw: true })).toEqual({ kind: 'record', key: null, value: bytes })
})

test.each([
  ['{"a":', 'not JSON'],
  ["{'a':1}", 'not JSON'],
  ['{} {}', 'not JSON'],
])('%s is bad', (text, reason) => {
  const made = lineRecord(Buffer.from(text), json)
  expect(made.kind === 'bad' && made.reason).toContain(reason)
})

test('bytes that are not UTF-8 are bad: JSON is', () => {
  expect(lineRecord(Buffer.from([0x22, 0xff, 0x22]), json)).toEqual({ kind: 'bad', reason: 'it is not UTF-8' })
})

test.each([
  ['{"id":"a","n":{"m":7}}', 'id', 'a'],
  ['{"id":"a","n":{"m":7}}', 'n.m', '7'],
  ['{"n.m":true,"n":{"m":7}}', 'n.m', 'true'],
  ['{"id":""}', 'id', ''],
])('the key of %s by %s is %j', (text, key, wanted) => {
  const made = lineRecord(Buffer.from(text), { raw: false, key })
  expect(made).toMatchObject({ kind: 'record', key: Buffer.from(wanted) })
})

test.each([
  ['{"a":1}', 'id', 'has no field id'],
  ['{"id":null}', 'id', 'is null'],
  ['{"id":{}}', 'id', 'is not a text'],
  ['7', 'id', 'has no field id'],
  ['{"a":1}', 'a.b', 'has no field a.b'],
  ['{"a":1}', 'constructor', 'has no field constructor'],
])('%s has no key %s: %s', (text, key, reason) => {
  const made = lineRecord(Buffer.from(text), { raw: false, key })
  expect(made.kind === 'bad' && made.reason).toContain(reason)
})
