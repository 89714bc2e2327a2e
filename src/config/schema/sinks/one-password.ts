import type { z } from 'zod'

/** A password, or the file that holds it: with both nobody could tell which one counts. */
export function onePassword(
  value: { readonly password: string; readonly password_file: string },
  context: z.RefinementCtx,
): void {
  if (value.password === '' || value.password_file === '') return
  context.addIssue({ code: 'custom', path: ['password_file'], message: 'and password are both given: leave one out' })
}
