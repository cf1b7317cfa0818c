// The command line in a container: NAME_FILE stands for NAME where a secret is mounted as a file, and the secret that the services of an
// installation share is made at the first start where none is given.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

for (const name of ['DATABASE_URL', 'REDIS_URL', 'SLUICE_SERVICE_SECRET']) {
  const file = process.env[`${name}_FILE`];
  if (file && !process.env[name]) process.env[name] = fs.readFileSync(file, 'utf8').trim();
}
process.env.SLUICE_SERVICE_SECRET ||= shared(path.join(process.env.SLUICE_DATA ?? '.sluice', 'service.secret'));
// A command talks to the gateway of this container, where no other is named.
if (process.argv[2] !== 'serve') process.env.SLUICE_GATEWAY_URL ||= `http://127.0.0.1:${process.env.SLUICE_PORT ?? 8080}`;
await import('../services/standalone/dist/main.js');

/** Several containers start at once and must agree: the file appears whole, and only the first one's. */
function shared(file) {
  if (!fs.existsSync(file)) {
    const draft = `${file}.${randomBytes(6).toString('hex')}`;
    fs.writeFileSync(draft, randomBytes(32).toString('base64'), { mode: 0o600 });
    try {
      fs.linkSync(draft, file);
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    } finally {
      fs.rmSync(draft);
    }
  }
  return fs.readFileSync(file, 'utf8').trim();
}
