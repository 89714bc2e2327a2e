import { describe, expect, test } from 'vitest'
import { compileNamed } from './named-params.ts'

describe('compileNamed', () => {
  test.each<[string, string, string, string[]]>([
    [
      'each name gets one number',
      'UPDATE t SET a=:a WHERE k IN (:k, :a)',
      'UPDATE t SET a=$1 WHERE k IN ($2, $1)',
      ['a', 'k'],
    ],
    ['texts', "SELECT ':a', 'it''s :b', :c", "SELECT ':a', 'it''s :b', $1", ['c']],
    ['texts with escapes', "SELECT E'\\':a', e'\\\\', :c", "SELECT E'\\':a', e'\\\\', $1", ['c']],
    ['a name that ends in e is no escape', "SELECT nice'\\', :c", "SELECT nice'\\', $1", ['c']],
    ['identifiers', 'SELECT ":a" "x"":b", :c', 'SELECT ":a" "x"":b", $1', ['c']],
    ['dollar quotes', 'SELECT $$:a$$, $x$ :b $$ $x$, :c', 'SELECT $$:a$$, $x$ :b $$ $x$, $1', ['c']],
    ['comments', 'SELECT 1 -- :a\n, :c /* :d /* :e */ :f */', 'SELECT 1 -- :a\n, $1 /* :d /* :e */ :f */', ['c']],
    ['casts', 'SELECT :a::int, b::text::jsonb', 'SELECT $1::int, b::text::jsonb', ['a']],
    ['named arguments', 'SELECT f(x := :a, y => :b)', 'SELECT f(x := $1, y => $2)', ['a', 'b']],
    [
      'slices',
      'SELECT a[1:n], a[lo:hi], a[f(1) : n], a[:i], a[1 : :n]',
      'SELECT a[1:n], a[lo:hi], a[f(1) : n], a[$1], a[1 : $2]',
      ['i', 'n'],
    ],
    ['a call in brackets', 'SELECT a[f(:x)]', 'SELECT a[f($1)]', ['x']],
    ['none', 'SELECT 1', 'SELECT 1', []],
    ['at the ends', ':a', '$1', ['a']],
  ])('%s', (_, sql, text, names) => {
    expect(compileNamed(sql)).toEqual({ text, names })
  })

  test.each([
    ['SELECT $1', /\$1 is written by hand/],
    ["SELECT 'a", /quote ' never ends/],
    ['SELECT "a', /quote " never ends/],
    ['SELECT 1 /* /* */', /comment .* never ends/],
    [Array.from({ length: 70_000 }, (_, index) => `:p${index}`).join(','), /more than 65535 parameters/],
  ])('%.20s is refused', (sql, message) => {
    expect(() => compileNamed(sql)).toThrow(message)
  })
})
