// A launcher that never reports for service.
setInterval(() => undefined, 1_000)
