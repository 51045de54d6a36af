import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAuth } from 'latchkey';
import { createOrdersApi } from './orders-api.js';
import { createPlatform } from './platform.js';

const APP_AUDIENCE = 'https://shipping.example';
const API_AUDIENCE = 'https://orders.platform.example';

/**
 * Starts the platform and its API on the two ports after the app's, or on free ones where PORT is 0. On 127.0.0.1, which is another site
 * than the app's localhost: cookies of the app are third-party cookies there.
 */
export async function startPlatform(appOrigin: string) {
  const after = process.env.PORT === '0' ? undefined : Number(new URL(appOrigin).port);
  const page = await listen(after && after + 1);
  const api = await listen(after && after + 2);
  const { app, jwt } = await createPlatform(page.origin, {
    audiences: [APP_AUDIENCE, API_AUDIENCE],
    appOrigin,
  });
  page.server.on('request', app);
  const apiAuth = createAuth({ env: {}, jwt: { ...jwt, audience: [API_AUDIENCE] } });
  api.server.on('request', createOrdersApi(apiAuth));
  return {
    platformOrigin: page.origin,
    apiUrl: `${api.origin}/v1`,
    jwt: { ...jwt, audience: [APP_AUDIENCE] },
    close(): void {
      page.server.close();
      api.server.close();
    },
  };
}

async function listen(port = 0) {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  } catch (cause) {
    throw new Error(
      `port ${port} cannot be used. The platform has the two ports after the app's: choose another PORT.`,
      { cause },
    );
  }
  const { port: bound } = server.address() as AddressInfo;
  return { server, origin: `http://127.0.0.1:${bound}` };
}
