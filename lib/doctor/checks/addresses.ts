import { isLoopback } from '../../http/is-loopback.js';
import { type Check, settingsCheck, signsTokens } from '../check.js';
import { failed, passed, warned } from '../finding.js';

/** The address that links, redirects and cookies are made for. */
export const publicUrl: Check = settingsCheck('public_url', ({ config, origins }) => {
  // Where it is required, the configuration says so.
  if (config.publicUrl === undefined) return undefined;
  const name = origins.nameOf('publicUrl');
  const says = `${name} is ${config.publicUrl}`;
  if (!config.production || !isLoopback(new URL(config.publicUrl))) return passed(says);
  return failed(`${says}, in production`, {
    why: 'links in mails, redirects of providers and the issuer of tokens lead to the machine of the user',
    fix: `set ${name} to the origin that users see, such as https://app.example.com`,
  });
});

/** With https, the names of cookies begin with `__Host-`, and browsers let neither the network nor another host plant one. */
export const cookies: Check = settingsCheck('cookies', (settings) => {
  if (!signsTokens(settings)) return undefined;
  const { config, origins } = settings;
  const name = origins.nameOf('publicUrl');
  if (config.publicUrl?.startsWith('https:'))
    return passed(`cookies are Secure, and named __Host-${config.cookieName}-…`);
  if (config.publicUrl !== undefined)
    return passed('cookies are not Secure, on http of this machine only');
  return warned(`cookies are not Secure: ${name} is not set`, {
    why: 'they are sent over plain http as well, where others can read and plant them',
    fix: `set ${name} to the origin that users see, such as https://app.example.com`,
  });
});
