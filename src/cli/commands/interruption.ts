/** Aborts with the first Ctrl-C or SIGTERM; a second one ends the process as usual. */
export function interruption(): { readonly signal: AbortSignal; remove(): void } {
  const abort = new AbortController()
  const stop = (): void => abort.abort()
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  return {
    signal: abort.signal,
    remove: () => {
      process.removeListener('SIGINT', stop)
      process.removeListener('SIGTERM', stop)
    },
  }
}
