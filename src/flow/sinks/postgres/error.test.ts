import { expect, test } from 'vitest'
import { parsePostgresUrl } from '../../../lib/index.ts'
import { ValueError } from './column-type.ts'
import { errorKind, errorText, failed } from './error.ts'

const server = (code: string, message = 'said'): Error => Object.assign(new Error(message), { code, severity: 'ERROR' })

test.each([
  ...['22P02', '23505', '42P01', '42703', '42501', '21000', '44000', 'P0001', 'ZZ007', '54000', '0A000', '3F000'].map(
    (code) => [code, 'permanent'] as const,
  ),
  ...[
    '08006',
    '25006',
    '25P02',
    '26000',
    '28P01',
    '3D000',
    '40001',
    '40P01',
    '53100',
    '53300',
    '55P03',
    '57014',
    '57P01',
    '58030',
    'XX000',
    '42P05',
  ].map((code) => [code, 'transient'] as const),
])('%s is %s', (code, kind) => {
  expect(errorKind(server(code))).toBe(kind)
})

test('what comes from no server is of the connection, and a value of its record', () => {
  expect(errorKind(Object.assign(new Error('gone'), { code: 'EPIPE' }))).toBe('transient')
  expect(errorKind(new Error('Query read timeout'))).toBe('transient')
  expect(errorKind(new ValueError('no'))).toBe('permanent')
})

test('a refused login rests, and says what to do', () => {
  expect(failed(server('28P01', 'no'), 'postgres:main')).toMatchObject({
    kind: 'transient',
    retryAfterMs: 5000,
    error: {
      message: expect.stringMatching(/^postgres:main: no \(28P01\)\. The password is not valid any more/) as string,
    },
  })
})

test('no credentials in a text', () => {
  expect(errorText(new Error('cannot reach postgres://me:secret-word@host/db'))).not.toMatch(/secret-word/)
})

test('URLs', () => {
  expect(
    parsePostgresUrl('postgresql://me:p%40ss@db.example:6432/jobs?sslmode=require&application_name=x'),
  ).toMatchObject({
    host: 'db.example',
    port: 6432,
    user: 'me',
    password: 'p@ss',
    database: 'jobs',
    sslMode: 'require',
    applicationName: 'x',
  })
  expect(parsePostgresUrl('postgres://me@/jobs?host=/var/run/postgresql')).toMatchObject({
    host: '/var/run/postgresql',
    user: 'me',
    database: 'jobs',
  })
  expect(parsePostgresUrl('postgres://[::1]/jobs')).toMatchObject({ host: '::1', port: 5432 })
  for (const [bad, message] of [
    ['mysql://me:secret-word@h/d', /must be postgres:/],
    ['postgres://me:secret-word@h:x/d', /must be postgres:/],
    ['postgres://me:100%@h/d', /write % in a password as %25/],
    ['postgres://me:secret-word@h/d?sslmode=maybe', /sslmode other than/],
    ['postgres://me:secret-word@h/d?pool=9', /parameter pool, which is not known/],
  ] as const) {
    expect(() => parsePostgresUrl(bad)).toThrow(message)
    expect(() => parsePostgresUrl(bad)).not.toThrow(/secret-word/)
  }
})
