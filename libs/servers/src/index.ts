export { startPostgres, type PostgresOptions, type RunningPostgres } from './postgres.js';
export { freePort, type Say } from './process.js';
