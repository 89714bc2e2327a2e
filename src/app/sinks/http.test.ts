import { expect, test } from 'vitest'
import { load } from '../../../test/support/config-file.ts'
import { httpSinks } from './http.ts'

test.each([
  ['', { inFlight: 4, maxRecords: 8 }],
  ['max_connections: 1', { inFlight: 2, maxRecords: 1 }],
  ['max_connections: 100, max_batch_records: 10', { inFlight: 4, maxRecords: 10 }],
  // What waits for its token must have its answer before the delivery gives up.
  ['requests_per_second: 1', { inFlight: 4, maxRecords: 1 }],
  ['requests_per_second: 1000', { inFlight: 4, maxRecords: 8 }],
  ['batch_format: array', { inFlight: 4, maxRecords: 500 }],
])('batches with %j', async (settings, expected) => {
  const { config } = await load(
    `sinks: { http: { a: { url: 'https://h/'${settings === '' ? '' : `, ${settings}`} } } }`,
  )
  const [built] = httpSinks(config)
  expect(built?.batch).toMatchObject(expected)
  expect(built?.sink).toMatchObject({ kind: 'http', name: 'a' })
})
