import { expect, test } from 'vitest'
import { complaints, load } from '../../test/support/config-file.ts'
import { redactConfig } from './index.ts'

test.each([
  ['http', "{ url: 'ftp://x' }", 'url must be an http:// or https:// URL'],
  ['http', '{}', 'url is required'],
  ['http', "{ url: 'http://bob:hunter2@169.254.169.254/x' }", 'url is the address of a metadata service'],
  ['http', "{ url: 'http://[::ffff:a9fe:a9fe]/' }", 'url is the address of a metadata service'],
  ['http', "{ url: 'https://metadata.google.internal/' }", 'url is the address of a metadata service'],
  ['http', "{ url: 'https://h/', headers: { Content-Type: x } }", 'headers.Content-Type cannot be set'],
  ['http', '{ url: \'https://h/\', headers: { X-Key: "hunter2\\r\\nx: y" } }', 'headers.X-Key cannot be set'],
  [
    'http',
    "{ url: 'https://bob:hunter2@h/', bearer_token_file: /t }",
    'bearer_token_file and other credentials (in `url`, or `headers.authorization`) are both given',
  ],
  [
    'http',
    "{ url: 'https://h/', headers: { AUTHORIZATION: hunter2 }, bearer_token_file: /t }",
    'bearer_token_file and other credentials',
  ],
  ['http', '{ url: nonsense, bearer_token_file: /t }', 'url must be an http:// or https:// URL'],
  ['redis', '{ password: hunter2, password_file: /p }', 'password_file and password are both given'],
  [
    'postgres',
    "{ dsn: 'postgres://h/d', password: hunter2, password_file: /p }",
    'password_file and password are both',
  ],
  ['http', "{ url: 'https://h/', tls: { cert_file: c } }", 'tls.key_file is required'],
  ['http', "{ url: 'https://h/', batch_format: array, encoding: form }", 'encoding must be json'],
  ['http', "{ url: 'https://h/', batch_format: array, payload_url: path }", 'payload_url must be none'],
  ['http', "{ url: 'https://h/', requests_per_second: 0 }", 'requests_per_second is 0'],
  ['http', "{ url: 'https://h/', idempotency_header: Host }", 'idempotency_header is no name'],
  ['filesystem', "{ base_path: x, path: '{nope}' }", 'path has {nope}; there are {topic}'],
  ['filesystem', "{ base_path: x, path: '{topic' }", 'path has {topic;'],
  ['filesystem', "{ base_path: x, path: '/a' }", 'path must be below base_path'],
  ['filesystem', "{ base_path: x, path: 'a/../../b' }", 'path must be below base_path'],
  ['filesystem', "{ base_path: x, path: 'a/' }", 'path must name a file'],
  ['filesystem', '{ base_path: x, mode: file, rotate_bytes: 5 }', 'rotate_bytes needs `mode: append`'],
  ['filesystem', "{ base_path: x, csv: { delimiter: '\"' } }", 'csv.delimiter must not be a quote'],
  ['filesystem', '{ base_path: x, format: csv, remember_records: 0 }', 'remember_records must be 1 or more'],
])('sinks.%s.a: %s is refused', async (kind, settings, said) => {
  const message = await complaints(`sinks: { ${kind}: { a: ${settings} } }`)
  expect(message).toContain(`sinks.${kind}.a.${said}`)
  expect(message).not.toContain('hunter2')
})

test('a section of earlier releases loads, names of headers stay, and no secret of it is shown', async () => {
  const { config, notices } = await load(
    "sinks: { http: { hook: { url: 'https://bob:hunter2@h/x?token=hunter3', method: POST, timeout_seconds: 30, max_retries: 3, headers: { X_Api-Key: hunter4 }, ui_url: 'http://ui' } } }",
  )
  expect(notices).toEqual([])
  expect(config.sinks.http['hook']).toMatchObject({ timeoutSeconds: 30, headers: { 'X_Api-Key': 'hunter4' } })
  expect(JSON.stringify(redactConfig(config))).not.toContain('hunter')
})
