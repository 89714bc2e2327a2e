import { closeSync, openSync, readSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { isExecutableFormat } from './program-format.ts'

function elf(machine: number): Buffer {
  const head = Buffer.alloc(20)
  head.writeUInt32BE(0x7f454c46)
  head[5] = 1
  head.writeUInt16LE(machine, 18)
  return head
}

describe('isExecutableFormat', () => {
  it('knows scripts, binaries of this machine, and everything else', () => {
    expect(isExecutableFormat(Buffer.from('#!/bin/sh\n'), 'x64')).toBe(true)
    expect(isExecutableFormat(elf(62), 'x64')).toBe(true)
    expect(isExecutableFormat(elf(183), 'x64')).toBe(false)
    expect(isExecutableFormat(elf(183), 'arm64')).toBe(true)
    expect(isExecutableFormat(elf(1), 'riscv64')).toBe(true)
    expect(isExecutableFormat(Buffer.from('echo hello\n'), 'x64')).toBe(false)
    expect(isExecutableFormat(Buffer.alloc(0), 'x64')).toBe(false)
  })

  it('accepts the program that runs this test', () => {
    const head = Buffer.alloc(20)
    const fd = openSync(process.execPath, 'r')
    readSync(fd, head, 0, 20, 0)
    closeSync(fd)
    expect(isExecutableFormat(head, process.arch)).toBe(true)
  })
})
