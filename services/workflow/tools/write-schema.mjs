// Writes the published JSON Schema from the compiled schemas: node services/workflow/tools/write-schema.mjs, after a build.
import { writeFileSync } from 'node:fs';
import { jsonSchema } from '../dist/document.js';

writeFileSync(new URL('../configuration.schema.json', import.meta.url), `${JSON.stringify(jsonSchema(), null, 2)}\n`);
