import type { JsonSchema } from './json-schema.ts'
import { type Layer, originAt } from './origin.ts'
import { forms, isSection, mayBeNull, settingAt } from './shape.ts'
import { isTree, type Path } from './tree.ts'

const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i
const WORDS: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  1: true,
  false: false,
  no: false,
  off: false,
  0: false,
}

/**
 * The layer's tree with each value in the form that its setting has: texts as numbers and booleans, one text as a list
 * of one, any case of a choice. What does not fit stays as it is, for the check to name.
 */
export function coerced(layer: Layer, settings: JsonSchema): unknown {
  const walk = (value: unknown, path: Path): unknown => {
    const setting = settingAt(settings, path)
    if (setting === undefined) return value
    if (setting.items !== undefined) return list(value, path, setting.items)
    if (isSection(setting)) return section(value, path, setting)
    return scalar(value, path, setting)
  }
  const section = (value: unknown, path: Path, setting: JsonSchema): unknown => {
    if (value === null) return {}
    const read = typeof value === 'string' && layer.isText(path) ? fromJson(value) : value
    if (!isTree(read) || (setting.properties === undefined && setting.additionalProperties === undefined)) return read
    return Object.fromEntries(Object.entries(read).map(([key, inner]) => [key, walk(inner, [...path, key])]))
  }
  const list = (value: unknown, path: Path, item: JsonSchema): unknown => {
    const items = layer.isText(path) ? itemsOf(value) : isScalar(value) ? [scalar(value, path, item)] : value
    return Array.isArray(items) ? items.map((one: unknown, at) => scalar(one, [...path, at], item)) : items
  }
  const scalar = (value: unknown, path: Path, setting: JsonSchema): unknown => {
    if (typeof value === 'string') return fromText(value, setting)
    const spelling = originAt(layer.origins, path)?.spelling
    const onlyText = forms(setting).every(({ type }) => type === 'string')
    return onlyText && isScalar(value) && spelling !== undefined ? fromText(spelling, setting) : value
  }
  return walk(layer.tree, [])
}

const isScalar = (value: unknown): boolean => ['string', 'number', 'boolean'].includes(typeof value)

function fromText(text: string, setting: JsonSchema): unknown {
  if (text === '' && mayBeNull(setting)) return null
  for (const form of forms(setting)) {
    const choices = form.enum ?? (form.const === undefined ? [] : [form.const])
    const choice = choices.find((one) => String(one).toLowerCase() === text.trim().toLowerCase())
    if (choice !== undefined) return choice
    if ((form.type === 'number' || form.type === 'integer') && NUMBER.test(text.trim())) return Number(text)
    if (form.type === 'boolean') return WORDS[text.trim().toLowerCase()] ?? text
  }
  return text
}

function itemsOf(value: unknown): unknown {
  if (typeof value === 'string') {
    const read = fromJson(value)
    if (Array.isArray(read)) return read
    return value
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '')
  }
  if (!isTree(value)) return value
  const indexes = Object.keys(value).sort((left, right) => Number(left) - Number(right))
  return indexes.every((index, at) => index === String(at)) ? indexes.map((index) => value[index]) : value
}

/** Text that is not JSON stays a text. */
function fromJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}
