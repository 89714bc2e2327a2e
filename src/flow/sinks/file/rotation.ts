/** When a file is finished; 0: not by this. */
export interface RotationLimits {
  readonly bytes: number
  readonly ms: number
}

/** A file that is being written under this name is not finished yet. */
export const PART = '.part'

export const rotates = ({ bytes, ms }: RotationLimits): boolean => bytes > 0 || ms > 0

/** Whether a file of this size and age is finished before so many bytes more are written to it. */
export function isFull(
  file: { readonly size: number; readonly ageMs: number },
  incoming: number,
  limits: RotationLimits,
): boolean {
  if (file.size === 0) return false
  return (limits.bytes > 0 && file.size + incoming > limits.bytes) || (limits.ms > 0 && file.ageMs >= limits.ms)
}

/** The name of a finished file: the time before its extensions, so that names sort by time. `n` makes it unique. */
export function finishedName(name: string, atMs: number, n: number): string {
  const time = new Date(atMs).toISOString().replaceAll(/[-:.]/g, '')
  const extensions = /(\.[a-z0-9]+)?(\.(gz|zst))?$/i.exec(name.slice(1))?.[0] ?? ''
  const stem = name.slice(0, name.length - extensions.length)
  return `${stem}-${time}${n === 0 ? '' : `-${n}`}${extensions}`
}
