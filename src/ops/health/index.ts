/**
 * ops/health: the small HTTP server for Prometheus and for whoever restarts or routes to the worker.
 * Only answers: it changes nothing in the worker.
 */
export { createOpsServer, type OpsServer, type OpsServerOptions } from './server.ts'
