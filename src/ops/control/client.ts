import { connect } from 'node:net'
import { type ControlAnswer, type ControlRequest, MAX_ANSWER } from './protocol.ts'

/** Asks the worker at a socket one thing. Rejects where no answer comes in time. */
export function ask(path: string, request: ControlRequest, timeoutMs: number): Promise<ControlAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    const chunks: Buffer[] = []
    let bytes = 0
    const fail = (why: string): void => {
      socket.destroy()
      reject(new Error(why))
    }
    const timer = setTimeout(() => fail(`no answer within ${timeoutMs / 1000} s`), timeoutMs)
    socket.once('connect', () => socket.write(`${JSON.stringify(request)}\n`))
    socket.once('error', (error) => reject(error))
    socket.once('close', () => {
      clearTimeout(timer)
      reject(new Error('the connection was closed without an answer'))
    })
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > MAX_ANSWER) return fail('the answer is too long')
      if (chunk.at(-1) !== 0x0a) return
      try {
        resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')) as ControlAnswer)
        socket.end()
      } catch (error) {
        fail(`the answer is no JSON: ${String(error)}`)
      }
    })
  })
}
