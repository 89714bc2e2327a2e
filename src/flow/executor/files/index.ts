/**
 * files: what runs need on disk: spilled output and scratch folders.
 * Owns that all of it is removed, also after a worker that was killed. Never decides when: the task's end is the pipeline's.
 */
export { discardFiles, hasFiles } from './discard.ts'
export { RunFiles, type RunFilesOptions } from './run-files.ts'
