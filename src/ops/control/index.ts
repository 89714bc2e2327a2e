/**
 * ops/control: the local socket on which an operator asks the worker for its status, or for something.
 * It acts only through `Control`; a bad request is answered and never reaches it.
 */
export { ask } from './client.ts'
export { controlFolder, type FoundSocket, findSockets, probeSocket } from './places.ts'
export {
  type ControlAnswer,
  type ControlRequest,
  type Counts,
  MAX_RUNS,
  type RunRow,
  type WorkerStatus,
} from './protocol.ts'
export { type ControlServer, type ControlServerOptions, createControlServer } from './server.ts'
export { createStatusBook, type StatusBook } from './status-book.ts'
