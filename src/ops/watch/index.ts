/**
 * ops/watch: looks at the worker now and then and says what stands still, and why, and which runs are slow.
 * It changes nothing.
 */
export { createWatch, type Watch, type WatchOptions } from './watch.ts'
