import { expect, test } from 'vitest'
import { fromClient } from './errors.ts'

test('errors of events, which carry only lower-cased text, get their number back', () => {
  const asEvent = (message: string) => fromClient({ message, code: -1 }, 'w')
  expect(asEvent('maximum application poll interval (max.poll.interval.ms) exceeded')).toMatchObject({
    code: 'ERR__MAX_POLL_EXCEEDED',
    errno: -147,
    retriable: false,
  })
  expect(asEvent('broker transport failure')).toMatchObject({ code: 'ERR__TRANSPORT', retriable: true, fatal: false })
  expect(asEvent('authentication failure')).toMatchObject({ code: 'ERR__AUTHENTICATION' })
  expect(asEvent('fatal error')).toMatchObject({ code: 'ERR__FATAL', fatal: true, retriable: false })
  expect(asEvent('something new')).toMatchObject({ code: 'ERR_UNKNOWN', errno: -1, message: 'w: something new' })
})

test('errors say what was done, what the client says of it and its name', () => {
  expect(fromClient({ message: 'x', code: 10 }, 'producing to t').message).toBe(
    'producing to t: Broker: Message size too large (ERR_MSG_SIZE_TOO_LARGE)',
  )
  expect(fromClient(new Error('Broker: Unknown member'), 'w')).toMatchObject({
    errno: 25,
    code: 'ERR_UNKNOWN_MEMBER_ID',
  })
})
