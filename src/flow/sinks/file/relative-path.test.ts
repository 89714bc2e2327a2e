import { posix } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { relativePath } from './relative-path.ts'

test.each<readonly [string, RegExp]>([
  ['', /does not name a file/],
  ['.', /does not name a file/],
  ['a/', /does not name a file/],
  ['/a', /must be relative/],
  ['../a', /must not have \.\./],
  ['a/..', /must not have \.\./],
  ['a\0', /NUL/],
  ['.drakkar/x', /the sink's own folder/],
  ['./.drakkar/x', /the sink's own folder/],
])('%j is refused', (path, message) => {
  expect(() => relativePath(path)).toThrow(message)
})

const parts = fc.constantFrom('', '.', '..', '.drakkar', '.x', 'a', 'a.b', 'a..b', '-', 'ø', ' ', 'a\n')

test('what is taken names one file below the base folder, in its shortest form', () => {
  fc.assert(
    fc.property(fc.array(parts, { minLength: 1, maxLength: 5 }), (list) => {
      const path = list.join('/')
      let taken: string
      try {
        taken = relativePath(path)
      } catch {
        return
      }
      expect(taken).toBe(posix.normalize(path))
      expect(posix.join('/base', taken).startsWith('/base/')).toBe(true)
      expect(taken.startsWith('.drakkar/')).toBe(false)
    }),
  )
})
