import { describe, expect, it } from 'vitest'
import { redactSecrets } from './redact.ts'

describe('redactSecrets', () => {
  it.each([
    ['connect to postgres://bob:s3cret@db:5432/x failed', 'connect to postgres://***@db:5432/x failed'],
    ['https://token@host/path', 'https://***@host/path'],
    ['mongodb://u:p@ss/w@h1,h2/db', 'mongodb://***@h1,h2/db'],
    ['GET https://h/x?token=abc&n=1', 'GET https://h/x?token=***&n=1'],
    ["dsn host=h password='abc' user=u", "dsn host=h password='***' user=u"],
    ['two http://a:b@x and http://c:d@y', 'two http://***@x and http://***@y'],
    [
      'plain https://host:9092/x stays, so does bob@example.org',
      'plain https://host:9092/x stays, so does bob@example.org',
    ],
  ])('%s', (text, expected) => {
    expect(redactSecrets(text)).toBe(expected)
  })

  it('stays quick with a hostile text', () => {
    const started = performance.now()
    redactSecrets('://'.repeat(100_000))
    expect(performance.now() - started).toBeLessThan(2_000)
  })
})
