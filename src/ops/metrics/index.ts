/**
 * ops/metrics: the table of metrics, the counters that events move, and their text for Prometheus.
 * Never touches the flow: it listens to events and reads the worker's view.
 */
export { createMetrics, type Metrics, type MetricsOptions } from './metrics.ts'
export { METRICS, type MetricRow } from './table.ts'
