#!/usr/bin/env node
// `npm start`: from a fresh clone to leads that flow. Everything that is missing is installed, built and started.
import { build, checkNode, install } from './prepare.mjs';

checkNode();
install({ dev: false });
build();
process.argv.splice(2, 0, 'dev');
await import('../services/standalone/dist/main.js');
