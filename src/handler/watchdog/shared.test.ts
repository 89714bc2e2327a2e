import { describe, expect, it } from 'vitest'
import { BoardWriter, createBoard, readBeat, readSeen } from './shared.ts'

describe('board', () => {
  it('shows the hook and what it is busy with, and the last one after it has left', () => {
    const board = createBoard()
    const writer = new BoardWriter(board)
    expect(readSeen(board)).toEqual({ hook: null, lastHook: null, subject: '' })
    writer.enter('arrange', 'jobs', 3, 41, 10)
    expect(readSeen(board)).toEqual({ hook: 'arrange', lastHook: 'arrange', subject: 'jobs/3 offset 41 and 9 more' })
    writer.leave()
    expect(readSeen(board)).toMatchObject({ hook: null, lastHook: 'arrange' })
    writer.enter('periodic', 'refresh', -1, -1, 1)
    expect(readSeen(board)).toMatchObject({ hook: 'periodic', subject: 'refresh' })
  })

  it('keeps large offsets and cuts long names between characters', () => {
    const board = createBoard()
    const writer = new BoardWriter(board)
    writer.enter('arrange', 'ü'.repeat(60), 0, 2 ** 53 - 1, 1)
    expect(readSeen(board).subject).toBe(`${'ü'.repeat(31)}/0 offset ${2 ** 53 - 1}`)
  })

  it('stays bounded with endless names, and does not mix them up', () => {
    const board = createBoard()
    const writer = new BoardWriter(board)
    for (let n = 0; n < 1000; n += 1) {
      writer.enter('arrange', `topic-${n}`, 0, n, 1)
      expect(readSeen(board).subject).toMatch(n < 253 ? `topic-${n}/0` : '…/0')
      expect(readSeen(board).hook).toBe('arrange')
      writer.leave()
    }
  })

  it('beats', () => {
    const board = createBoard()
    new BoardWriter(board).beat()
    expect(readBeat(board)).toBe(1)
  })
})
