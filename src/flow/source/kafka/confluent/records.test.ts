import { expect, test } from 'vitest'
import { toRawMessage, toRdHeaders } from './records.ts'

const bare = { topic: 't', partition: 1, offset: 2, key: null, value: null, timestamp: -1 }

test('a record without timestamp, headers and epoch says so', () => {
  expect(toRawMessage(bare)).toEqual({ ...bare, timestamp: null, headers: [] })
  expect(toRawMessage({ ...bare, headers: [], leaderEpoch: 0 })).toMatchObject({ headers: [], leaderEpoch: 0 })
})

test('a header named __proto__ is found where the client put it', () => {
  const value = Buffer.from('v')
  const setByClient: Record<string, Buffer> = {}
  Object.setPrototypeOf(setByClient, value)
  expect(toRawMessage({ ...bare, headers: [setByClient, { a: value }] }).headers).toEqual([
    ['__proto__', value],
    ['a', value],
  ])
})

test('headers keep order and repeated names on their way out; null becomes empty', () => {
  const headers = toRdHeaders({
    topic: 't',
    key: null,
    value: null,
    headers: [
      ['b', Buffer.from('1')],
      ['a', null],
      ['b', Buffer.from('2')],
      ['__proto__', Buffer.from('3')],
    ],
  })
  expect(headers?.map((header) => Object.entries(header)[0])).toEqual([
    ['b', Buffer.from('1')],
    ['a', Buffer.alloc(0)],
    ['b', Buffer.from('2')],
    ['__proto__', Buffer.from('3')],
  ])
  expect(toRdHeaders({ topic: 't', key: null, value: null, headers: [] })).toBeUndefined()
})
