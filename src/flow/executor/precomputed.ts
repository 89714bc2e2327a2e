import type { Outcome, Precomputed } from '../../model/index.ts'

const NOTHING = Buffer.alloc(0)

function bytesOf(value: string | Uint8Array | undefined): Buffer {
  if (value === undefined || value === '') return NOTHING
  if (typeof value === 'string') return Buffer.from(value)
  return Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}

/** The outcome of a task whose result is known already. */
export function precomputedOutcome(precomputed: Precomputed): Outcome {
  const exitCode = precomputed.exitCode ?? 0
  return {
    verdict: exitCode === 0 ? 'ok' : 'exit',
    exitCode,
    signal: null,
    stdout: bytesOf(precomputed.stdout),
    stderr: bytesOf(precomputed.stderr),
    stdoutTruncated: false,
    stderrTruncated: false,
    pid: null,
    ...(precomputed.value === undefined ? {} : { value: precomputed.value }),
    wallMs: (precomputed.durationSeconds ?? 0) * 1000,
    ...(exitCode === 0 ? {} : { message: `The precomputed result has exit code ${exitCode}.` }),
  }
}
