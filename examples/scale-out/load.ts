import { setInterval } from 'node:timers/promises';
import { startClients } from './clients.js';

const [, , baseUrl, username, password] = process.argv;
if (baseUrl === undefined || username === undefined || password === undefined) {
  console.error('Usage: load.ts <base URL of the API> <user name> <password>');
  process.exit(1);
}

const clients = await startClients({ baseUrl, username, password, count: 10, pauseMs: 20 });
let before = 0;
for await (const _ of setInterval(1000)) {
  const total = clients.rounds().reduce((sum, count) => sum + count, 0);
  const instances = [...clients.answers].map(([name, count]) => `${name}: ${count}`).join(', ');
  const { length: failed } = clients.failures;
  console.log(
    `${total - before} requests a second, ${failed} failed in all. Answers by instance: ${instances}`,
  );
  before = total;
}
