import { expect, test } from 'vitest'
import { parseRedisUrl } from './redis-url.ts'

test('a server, a cluster, sentinels', () => {
  expect(parseRedisUrl('redis://localhost')).toEqual({
    mode: 'single',
    tls: false,
    hosts: [{ host: 'localhost', port: 6379 }],
    db: 0,
  })
  expect(parseRedisUrl('rediss://me:p%40ss/w@rd@[::1]:7000/3')).toEqual({
    mode: 'single',
    tls: true,
    hosts: [{ host: '::1', port: 7000 }],
    db: 3,
    username: 'me',
    password: 'p@ss/w@rd',
  })
  expect(parseRedisUrl('redis-cluster://:word@a:1,b')).toMatchObject({
    mode: 'cluster',
    password: 'word',
    hosts: [
      { host: 'a', port: 1 },
      { host: 'b', port: 6379 },
    ],
  })
  expect(parseRedisUrl('rediss-sentinel://a,b:2/my%20master/4')).toMatchObject({
    mode: 'sentinel',
    tls: true,
    master: 'my master',
    db: 4,
    hosts: [
      { host: 'a', port: 26_379 },
      { host: 'b', port: 2 },
    ],
  })
})

test('what is none says why, and never the password', () => {
  const bad: readonly (readonly [string, RegExp])[] = [
    ['http://:secret-word@h', /must be like redis:/],
    ['redis://:secret-word@', /host:port/],
    ['redis://:secret-word@h:0', /host:port/],
    ['redis://:secret-word@h:99999', /host:port/],
    ['redis://:secret-word@a,b', /several hosts/],
    ['redis://:secret-word@h/x', /number of a database/],
    ['redis://:secret-word@h/1/2', /number of a database/],
    ['redis://:secret-word@h/0?tls=1', /no options/],
    ['redis-cluster://:secret-word@h/1', /only 0/],
    ['redis-sentinel://:secret-word@h', /name the master/],
  ]
  for (const [url, reason] of bad) {
    expect(() => parseRedisUrl(url)).toThrow(reason)
    expect(() => parseRedisUrl(url)).not.toThrow(/secret-word/)
  }
})
