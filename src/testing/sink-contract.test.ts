import { describe, expect, test } from 'vitest'
import type { RecordVerdict, Sink, SinkRecord } from '../flow/sinks/index.ts'
import { type SinkUnderTest, sinkContract } from './sink-contract.ts'

type Payload = { text: string }

/** A sink over a list; each fault is one way of not keeping the contract. */
class ListSink implements Sink<Payload> {
  readonly kind = 'list'
  readonly name = 'out'
  readonly list: string[] = []
  readonly #ids = new Set<string>()
  readonly #fault: string
  #closed = 0

  constructor(fault: string) {
    this.#fault = fault
  }

  accept(payload: unknown): Payload {
    const text = (payload as Partial<Payload> | undefined)?.text
    if (typeof text !== 'string' && this.#fault !== 'takes anything') throw new Error('`text` must be a string')
    return this.#fault === 'keeps the object' ? (payload as Payload) : { text: String(text) }
  }

  size(payload: Payload): number {
    return this.#fault === 'no size' ? 1 : payload.text.length
  }

  async connect(): Promise<void> {}

  async deliver(batch: readonly SinkRecord<Payload>[]): Promise<readonly RecordVerdict[]> {
    if (batch.length === 0 && this.#fault === 'cannot do nothing') throw new Error('empty')
    if (this.#fault === 'answers first') setTimeout(() => this.#write(batch), 5)
    else return this.#write(batch)
    return batch.map(() => ({ ok: true }))
  }

  async close(): Promise<void> {
    this.#closed += 1
    if (this.#closed === 2 && this.#fault === 'closes once') throw new Error('closed already')
  }

  #write(batch: readonly SinkRecord<Payload>[]): readonly RecordVerdict[] {
    if (this.#fault === 'fails the batch' && batch.some(({ payload }) => payload.text === 'refused'))
      return batch.map(() => ({ ok: false, kind: 'permanent', error: new Error('refused') }))
    if (this.#fault === 'loses the second' && batch.length > 1) batch = batch.slice(0, 1).concat(batch.slice(2))
    return batch.map(({ id, payload }): RecordVerdict => {
      if (payload.text === 'refused') return { ok: false, kind: 'permanent', error: new Error('refused') }
      if (this.#fault !== 'writes twice' && this.#ids.has(id)) return { ok: true }
      this.#ids.add(id)
      this.list.push(payload.text)
      return { ok: true }
    })
  }
}

/** Which checks of the contract such a sink fails. */
async function failures(fault: string): Promise<string[]> {
  const failed: string[] = []
  const running: Promise<void>[] = []
  const make = async (): Promise<SinkUnderTest> => {
    const sink = new ListSink(fault)
    return {
      sink,
      payload: (text) => ({ text }),
      spoil: (payload) => {
        payload['text'] = 'spoilt'
      },
      bad: [undefined, {}],
      written: async () => [...sink.list],
      idempotent: true,
      refused: () => ({ text: 'refused' }),
      cleanUp: async () => undefined,
    }
  }
  sinkContract(
    (name, body) => {
      running.push(body().catch(() => void failed.push(name)))
    },
    'a list',
    make,
  )
  await Promise.all(running)
  return failed.map((name) => name.replace('a list keeps the contract of a sink: ', ''))
}

describe('the contract of a sink', () => {
  test('a sink that keeps it passes', async () => {
    expect(await failures('none')).toEqual([])
  })

  test.each([
    ['takes anything', 'what can never be delivered is refused with a reason before it is sent'],
    ['keeps the object', 'a payload is taken when it is accepted: later changes change nothing'],
    ['no size', 'an accepted payload has a size'],
    ['cannot do nothing', 'an empty batch is answered with nothing'],
    ['answers first', 'what it acknowledged is there when it answers'],
    ['loses the second', 'what it acknowledged is there when it answers'],
    ['writes twice', 'a record that comes again is there once, where the sink says so'],
    ['fails the batch', 'a record that the place refuses does not fail its batch'],
    ['closes once', 'it can be closed twice'],
  ])('a sink that %s fails: %s', async (fault, check) => {
    expect(await failures(fault)).toContain(check)
  })
})
