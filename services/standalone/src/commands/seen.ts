import type { Api } from '../api.js';
import type { Terminal } from '../terminal.js';

/** Says that users are active now, so that push gives them leads. */
export async function seen(api: Api, users: readonly string[], terminal: Terminal): Promise<void> {
  await api.call('POST', '/v1/users:seen', { body: { users } });
  terminal.line(`${users.join(', ')} ${users.length === 1 ? 'is' : 'are'} active.`);
}
