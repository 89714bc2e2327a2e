import { createHash } from 'node:crypto'
import { jsonText, typeName } from '../json-text.ts'

/** How `data` becomes the body of a request. */
export type Encoding = 'json' | 'form' | 'multipart' | 'raw'

export interface Body {
  readonly bytes: Buffer
  readonly contentType: string
}

/**
 * The body of a request; the same data gives the same bytes every time. `json`: as `JSON.stringify` writes it. `form` and
 * `multipart`: an object, its fields sorted; texts as they are, bytes as a file (multipart), everything else as JSON.
 * `raw`: a text or bytes as they are.
 *
 * @throws Error for the handler's author where the data has no such form.
 */
export function encode(data: unknown, encoding: Encoding): Body {
  if (encoding === 'raw') return raw(data)
  if (data instanceof Uint8Array) {
    throw new Error('`data` is bytes; a sink with `encoding: raw` sends them as they are, others need a text (base64)')
  }
  if (encoding === 'json') return { bytes: Buffer.from(jsonText(data)), contentType: 'application/json' }
  return encoding === 'form' ? form(fieldsOf(data, encoding)) : multipart(fieldsOf(data, encoding))
}

function raw(data: unknown): Body {
  if (typeof data === 'string') return { bytes: Buffer.from(data), contentType: 'text/plain; charset=utf-8' }
  if (data instanceof Uint8Array) return { bytes: Buffer.from(data), contentType: 'application/octet-stream' }
  throw new Error(`\`data\` must be a string or bytes with \`encoding: raw\`, not ${typeName(data)}`)
}

type Field = readonly [name: string, value: string | Uint8Array]

function fieldsOf(data: unknown, encoding: Encoding): Field[] {
  if (typeof data !== 'object' || data === null || Array.isArray(data) || data instanceof Date) {
    throw new Error(`\`data\` must be an object of fields with \`encoding: ${encoding}\`, not ${typeName(data)}`)
  }
  const fields: Field[] = []
  for (const [name, value] of Object.entries(data as Record<string, unknown>)) {
    if (value === undefined) continue
    if (value instanceof Uint8Array && encoding === 'form') {
      throw new Error(`\`data.${name}\` is bytes, which a form cannot hold: use \`encoding: multipart\`, or a text`)
    }
    if (typeof value === 'string' || value instanceof Uint8Array) fields.push([name, value])
    else fields.push([name, fieldText(name, value)])
  }
  return fields.sort(([a], [b]) => (a < b ? -1 : 1))
}

function fieldText(name: string, value: unknown): string {
  // A date as JSON would be a text in quotes.
  if (value instanceof Date) return String(JSON.parse(jsonText(value)))
  try {
    return jsonText(value)
  } catch (error) {
    throw new Error((error as Error).message.replace('`data`', `\`data.${name}\``), { cause: error })
  }
}

function form(fields: readonly Field[]): Body {
  const text = new URLSearchParams(fields.map(([name, value]): [string, string] => [name, String(value)])).toString()
  return { bytes: Buffer.from(text), contentType: 'application/x-www-form-urlencoded' }
}

/** The boundary comes from the content, so that it is the same again and stands nowhere in it. */
function multipart(fields: readonly Field[]): Body {
  const parts = fields.map(([name, value]) => {
    const shown = name.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
    const file = typeof value === 'string' ? '' : `; filename="${shown}"\r\nContent-Type: application/octet-stream`
    const head = `Content-Disposition: form-data; name="${shown}"${file}\r\n\r\n`
    return Buffer.concat([Buffer.from(head), Buffer.from(value as string), Buffer.from('\r\n')])
  })
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  const boundary = `drakkar-${hash.digest('hex').slice(0, 40)}`
  const between = Buffer.from(`--${boundary}\r\n`)
  const bytes = Buffer.concat([...parts.flatMap((part) => [between, part]), Buffer.from(`--${boundary}--\r\n`)])
  return { bytes, contentType: `multipart/form-data; boundary=${boundary}` }
}
