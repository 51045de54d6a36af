import type { FormerTokens } from '../auth.js';
import type { DemoSecrets } from './demo-data.js';
import { signFormerToken } from './former-token.js';

interface Facts {
  /** Undefined when the store had the accounts already. */
  readonly added: DemoSecrets | undefined;
  readonly former: FormerTokens;
}

export function instructions(origin: string, { added, former }: Facts): string {
  const passwordOf = (name: string): string => added?.passwords.get(name) ?? '(as it was)';
  const { id = '', secret = '' } = added?.serviceAccount ?? {};
  return `
Open ${origin}/ and sign in. Mails are at ${origin}/mails. Ctrl-C ends it.

  ada    ${passwordOf('ada')}   administrator, owner of Acme, may approve invoices
  ben    ${passwordOf('ben')}   edits at Acme and views at Globex, so he has to choose
  cleo   ${passwordOf('cleo')}   owner of Globex, must change her password first

For the curl lines of the README, in another terminal:

export API=${origin}/api
export ADA='${passwordOf('ada')}' BEN='${passwordOf('ben')}' CLEO='${passwordOf('cleo')}'
export CLIENT_ID='${id}' CLIENT_SECRET='${secret}'
export FORMER_TOKEN='${formerTokenOfBen(former)}'
`;
}

function formerTokenOfBen({ issuer: iss, audience: aud, secrets: [secret = ''] }: FormerTokens) {
  const exp = Math.floor(Date.now() / 1000) + 3600;
  return signFormerToken({ iss, aud, sub: 'ben', user_id: 2, role: 'user', exp }, secret);
}
