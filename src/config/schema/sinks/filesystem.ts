import { z } from 'zod'
import { count, flag, seconds } from '../field.ts'
import { batch } from './batch.ts'

const PLACEHOLDERS = '{topic}, {partition}, {date}, {hour}, {id}, {key} and {data.…}'

const csv = z
  .strictObject({
    columns: z
      .array(z.string().min(1))
      .default([])
      .describe('Fields, in this order; others are left out. Empty: those of the first record of each file.'),
    delimiter: z.string().length(1).default(',').describe('Between fields.'),
    header: flag(true).describe('A line with the names first.'),
    escape_formulas: flag(false).describe(
      "Puts `'` before texts that begin with =, +, -, @, tab or return, which a spreadsheet would run as formulas.",
    ),
  })
  .refine(({ delimiter }) => !/["\r\n]/.test(delimiter), {
    path: ['delimiter'],
    message: 'must not be a quote or a line end',
  })

export const fileSink: z.ZodType = z
  .strictObject({
    base_path: z
      .string()
      .min(1)
      .describe('Folder that files are written below; must exist. Nothing outside of it is ever written.'),
    path: z
      .string()
      .default('')
      .superRefine((value, context) => {
        const problem = pathProblem(value)
        if (problem !== null) context.addIssue({ code: 'custom', message: problem })
      })
      .describe(`Path of payloads that name none, below base_path, with ${PLACEHOLDERS}. Empty: each names its own.`),
    mode: z
      .enum(['append', 'file'])
      .default('append')
      .describe('append: records are added to files. file: each record is a file, there whole or not at all.'),
    format: z
      .enum(['jsonl', 'csv', 'raw'])
      .default('jsonl')
      .describe('jsonl: a line of JSON. csv: a line of CSV (RFC 4180). raw: texts and bytes as they are.'),
    csv: csv.prefault({}).describe('With `format: csv`.'),
    compression: z
      .enum(['none', 'gzip', 'zstd'])
      .default('none')
      .describe('Of each batch by itself, so larger batches get smaller; adds .gz or .zst to paths.'),
    rotate_bytes: count(0, 0).describe('A file is finished before it gets larger than this, bytes; 0 = no limit.'),
    rotate_seconds: seconds(0).describe('A file is finished when it is so old; 0 = no limit.'),
    remember_records: count(4096, 0).describe(
      'Ids of records that are remembered for each file, so that a record that comes again is not written again; 0 = none (only with jsonl, not compressed).',
    ),
    fsync: flag(true).describe(
      'Flush to the disk before a record counts as delivered. Off: faster, and a power cut can lose acknowledged lines.',
    ),
    max_open_files: count(64).describe('Files kept open.'),
    ...batch,
  })
  .superRefine((value, context) => {
    const refuse = (path: string, message: string): void => context.addIssue({ code: 'custom', path: [path], message })
    if (value.mode === 'file') {
      if (value.rotate_bytes > 0) refuse('rotate_bytes', 'needs `mode: append`')
      if (value.rotate_seconds > 0) refuse('rotate_seconds', 'needs `mode: append`')
      return
    }
    if (value.remember_records === 0 && (value.format !== 'jsonl' || value.compression !== 'none')) {
      refuse('remember_records', 'must be 1 or more with csv, raw or compression: their files need the notes')
    }
  })

function pathProblem(path: string): string | null {
  const unknown = /\{(?!(?:topic|partition|date|hour|id|key|data(?:\.[^{}.]+)+)\})[^{}]*\}?/.exec(path)
  if (unknown !== null) return `has ${unknown[0]}; there are ${PLACEHOLDERS}`
  if (path.startsWith('/') || path.split('/').includes('..')) return 'must be below base_path: relative, without ..'
  return path.endsWith('/') ? 'must name a file' : null
}
