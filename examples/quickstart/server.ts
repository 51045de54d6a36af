import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createApi } from './api.js';
import { mintTokens, startIssuer, type Tokens } from './issuer.js';

const port = readPort(process.env.PORT);
const { issuer, server: issuerServer } = await startIssuer();
const tokens = await mintTokens(issuer);

const server = createServer(createApi(issuer));
server.on('error', (error) => stop(listenProblem(error)));
server.listen(port, '127.0.0.1', () => {
  const { port: bound } = server.address() as AddressInfo;
  console.log(instructions(`http://127.0.0.1:${bound}`, tokens));
});

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    for (const each of [server, issuerServer]) {
      each.close();
      each.closeAllConnections();
    }
  });

function readPort(text = '3000'): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  return stop(`PORT is a whole number from 0 to 65535, not ${JSON.stringify(text)}.`);
}

function listenProblem({ code, message }: NodeJS.ErrnoException): string {
  return code === 'EADDRINUSE'
    ? `Port ${port} is taken. Choose another one, such as PORT=${port + 1}.`
    : `Cannot listen on port ${port}: ${code ?? message}.`;
}

/** Ends with a sentence, where a stack would only hide it. */
function stop(reason: string): never {
  console.error(reason);
  process.exit(1);
}

/** Comments hold no quotes and no parentheses, so that zsh, which does not know comments, takes no harm. */
function instructions(api: string, { alice, bob }: Tokens): string {
  const asAlice = `-H "Authorization: Bearer $ALICE"`;
  const asBob = `-H "Authorization: Bearer $BOB"`;
  return `
Example API on ${api}. Ctrl-C ends it.

Paste what follows into bash in a second terminal. The tokens live for one hour and are
made for trying this out on your own machine, for nothing else.

ALICE=${alice}
BOB=${bob}

# No token: 401, and a challenge that names no error
curl -iw '\\n\\n' ${api}/me

# Text that is no token: 401 invalid_token
curl -iw '\\n\\n' -H 'Authorization: Bearer garbage' ${api}/me

# Alice: 200
curl -iw '\\n\\n' ${asAlice} ${api}/me

# A route that answers without a token as well: 200
curl -iw '\\n\\n' ${api}/hello

# Alice has the scope reports:read: 200
curl -iw '\\n\\n' ${asAlice} ${api}/reports

# Bob lacks it: 403 insufficient_scope
curl -iw '\\n\\n' ${asBob} ${api}/reports

# Alice belongs to one organisation, so there is no doubt which: 200
curl -iw '\\n\\n' ${asAlice} ${api}/datasets

# Bob belongs to two and names none: 400
curl -iw '\\n\\n' ${asBob} ${api}/datasets

# Bob names one of his: 200
curl -iw '\\n\\n' ${asBob} -H 'X-Org-Id: globex' ${api}/datasets

# Bob names another one: 403
curl -iw '\\n\\n' ${asBob} -H 'X-Org-Id: initech' ${api}/datasets

# Bob is admin of acme: 204
curl -iw '\\n\\n' ${asBob} -H 'X-Org-Id: acme' -X DELETE ${api}/datasets/sales

# Bob is no admin of globex: 403
curl -iw '\\n\\n' ${asBob} -H 'X-Org-Id: globex' -X DELETE ${api}/datasets/sales
`;
}
