import { DrakkarError, reasonOf } from '../../../model/index.ts'

export type Mark = 'ok' | 'warning' | 'problem'

/** One line of the report. */
export interface Finding {
  readonly mark: Mark
  /** What was looked at: `Node`, `brokers`, … */
  readonly subject: string
  /** What was found, in one line. */
  readonly says: string
  /** What to do about it; may have several lines. */
  readonly advice?: string
}

export const ok = (subject: string, says: string): Finding => ({ mark: 'ok', subject, says })

export const warning = (subject: string, says: string, advice?: string): Finding => ({
  mark: 'warning',
  subject,
  says,
  ...(advice === undefined ? {} : { advice }),
})

export const problem = (subject: string, says: string, advice?: string): Finding => ({
  mark: 'problem',
  subject,
  says,
  ...(advice === undefined ? {} : { advice }),
})

/** A problem for anything that was thrown: the first line says it, the rest and the advice go below. */
export function problemOf(subject: string, thrown: unknown): Finding {
  const [says = '', ...more] = reasonOf(thrown).split('\n')
  const advice = thrown instanceof DrakkarError ? thrown.advice : undefined
  const below = [...more.map((line) => line.trim()), ...(advice === undefined ? [] : [advice])].join('\n')
  return problem(subject, says, below === '' ? undefined : below)
}

/**
 * What a check answers; one that throws or takes too long is a problem of its own, and stops no other. `place` is named
 * where several checks have one subject.
 */
export async function findings(
  subject: string,
  limitMs: number,
  check: () => Promise<readonly Finding[]>,
  place = '',
): Promise<readonly Finding[]> {
  const at = place === '' ? '' : `${place}: `
  const { promise: late, resolve } = Promise.withResolvers<readonly Finding[]>()
  const timer = setTimeout(
    () =>
      resolve([
        problem(subject, `${at}no answer within ${limitMs / 1000} s`, 'It may work, but it is too slow to rely on.'),
      ]),
    limitMs,
  )
  try {
    return await Promise.race([check(), late])
  } catch (error) {
    return [problemOf(subject, error)]
  } finally {
    clearTimeout(timer)
  }
}
