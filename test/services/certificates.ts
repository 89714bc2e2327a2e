import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'

/** Files in PEM. */
export interface Certificate {
  readonly cert: string
  readonly key: string
  /** Both in one file. */
  readonly both: string
}

const THIS_MACHINE = 'DNS:localhost,IP:127.0.0.1'

/** A certificate, as it is for this machine, that is its own authority, for the running test. */
export async function selfSigned(names = THIS_MACHINE): Promise<Certificate> {
  const dir = await mkdtemp(join(tmpdir(), 'drakkar-certificate-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  return certificateIn(dir, names)
}

/** The same in a folder that somebody else removes. */
export async function certificateIn(dir: string, names = THIS_MACHINE): Promise<Certificate> {
  const files = filesIn(dir, 'own')
  const subject = ['-subj', '/CN=localhost', '-addext', `subjectAltName=${names}`]
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', files.key]
  await openssl('req', '-x509', '-days', '30', ...key, ...subject, '-out', files.cert)
  return joined(files)
}

/** A client's certificate, signed by the one that is its own authority, and kept beside it. */
export async function clientCertificate(authority: Certificate, commonName: string): Promise<Certificate> {
  const dir = dirname(authority.cert)
  const files = filesIn(dir, commonName)
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', files.key]
  const request = join(dir, `${commonName}.csr`)
  await openssl('req', ...key, '-subj', `/CN=${commonName}`, '-out', request)
  const signer = ['-CA', authority.cert, '-CAkey', authority.key, '-CAcreateserial']
  await openssl('x509', '-req', '-days', '30', '-in', request, ...signer, '-out', files.cert)
  return joined(files)
}

const filesIn = (dir: string, name: string): Certificate => ({
  cert: join(dir, `${name}-cert.pem`),
  key: join(dir, `${name}-key.pem`),
  both: join(dir, `${name}.pem`),
})

async function joined(files: Certificate): Promise<Certificate> {
  await writeFile(files.both, [await readFile(files.cert), await readFile(files.key)].join('\n'))
  return files
}

const openssl = (...args: readonly string[]): Promise<unknown> => promisify(execFile)('openssl', args)
