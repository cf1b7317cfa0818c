#!/usr/bin/env node
// `npx sluice …` from a clone: builds what is missing, then runs the command.
import { build, checkNode, install } from '../../../bin/prepare.mjs';

checkNode();
install({ dev: false });
build();
await import('../dist/main.js');
