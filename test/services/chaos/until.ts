const POLL_MS = 100

/**
 * Waits for a fact: asks `probe` until it answers something other than false, null or undefined, and answers that. Rejects
 * after `withinMs` with `what`, and with what `otherwise` has to say then.
 */
export async function until<T>(
  what: string,
  withinMs: number,
  probe: () => T | Promise<T>,
  otherwise: () => string | Promise<string> = () => '',
): Promise<Exclude<T, false | null | undefined>> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const answer = await probe()
    if (answer !== false && answer !== null && answer !== undefined)
      return answer as Exclude<T, false | null | undefined>
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}\n${await otherwise()}`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}
