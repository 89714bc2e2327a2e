import { readFileSync, writeFileSync } from 'node:fs'

const PATH = '/proc/self/oom_score_adj'
/** Programs inherit it from their launcher: when memory is short the kernel takes one of them before it takes the worker. */
const OOM_SCORE = 500

/** Makes this process and what it starts the kernel's first choice; never less so than before. Nothing where that cannot be. */
export function raiseOomScore(): void {
  try {
    if (Number(readFileSync(PATH, 'latin1')) < OOM_SCORE) writeFileSync(PATH, String(OOM_SCORE))
  } catch {
    // Not Linux, or not allowed.
  }
}
