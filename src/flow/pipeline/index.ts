/**
 * pipeline: from a message that was taken in to its end: windows, arrange, tasks, hooks, delivery, completion.
 * It never talks to Kafka, starts a process or writes to a sink itself; those are ports.
 */
export { type ControlParts, createControl } from './control.ts'
export { Flow, type FlowPartitionView, type FlowParts, type FlowSource } from './flow.ts'
export { HoldRegistry } from './holds.ts'
export type { IntakeOptions } from './intake.ts'
export type { PipelineOptions } from './parts.ts'
