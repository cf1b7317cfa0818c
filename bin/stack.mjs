#!/usr/bin/env node
// `npm run stack`: the services as separate processes on Apache Kafka, Postgres and Redis, without containers.
import { build, checkNode, install } from './prepare.mjs';

checkNode();
install({ dev: false });
build();
process.argv.splice(2, 0, 'stack');
await import('../services/standalone/dist/main.js');
