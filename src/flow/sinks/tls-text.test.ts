import { expect, test } from 'vitest'
import { tlsText, wantsCertificate } from './tls-text.ts'

const REQUIRED =
  '40BD70BA237F0000:error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required:../deps/openssl/openssl/ssl/record/rec_layer_s3.c:918:SSL alert number 116\n'

test('what OpenSSL says is said in words', () => {
  expect(tlsText(REQUIRED)).toBe('TLS: tlsv13 alert certificate required')
  expect(tlsText(`connect: ${REQUIRED.trim()}; and more`)).toBe(
    'connect: TLS: tlsv13 alert certificate required; and more',
  )
  expect(tlsText('write ECONNRESET')).toBe('write ECONNRESET')
})

test('a server that wants a certificate of its clients', () => {
  expect(wantsCertificate(tlsText(REQUIRED))).toBe(true)
  expect(wantsCertificate('self-signed certificate')).toBe(false)
})
