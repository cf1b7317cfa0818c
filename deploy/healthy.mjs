// Whether the process in this container may be given work; for the health check of the container.
const answer = await fetch(`http://127.0.0.1:${process.env.SLUICE_PORT ?? 8080}/ready`, { signal: AbortSignal.timeout(4000) }).catch(() => undefined);
process.exit(answer?.ok ? 0 : 1);
