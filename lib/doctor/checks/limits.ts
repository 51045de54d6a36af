import { type Check, settingsCheck, signsTokens } from '../check.js';
import { passed, warned } from '../finding.js';

/** NIST SP 800-63B §3.2.2 (revision 4): no more than 100 failed attempts in a row on one account. */
const MOST_LOGINS_AN_HOUR = 100;
/** Ten times the default. */
const MOST_REQUESTS_A_MINUTE = 3000;

interface Limit {
  readonly max: number;
  readonly windowSeconds: number;
}

/** Failed attempts on one account. */
export const loginLimit: Check = settingsCheck('login_limit', (settings) => {
  const { config, origins } = settings;
  if (!signsTokens(settings) || !config.passwordLogin) return undefined;
  const { loginLimit: limit } = config;
  const hourly = within(limit, 3600);
  if (hourly <= MOST_LOGINS_AN_HOUR)
    return passed(`${hourly} failed attempts an hour on one account`);
  return warned(`${hourly} failed attempts an hour on one account`, {
    why: 'the passwords that people choose are guessed in so many; NIST SP 800-63B allows 100',
    fix: `set ${origins.nameOf('loginLimit')}=10/15m`,
  });
});

/** Unsafe requests to the router from one address. */
export const rateLimit: Check = settingsCheck('rate_limit', (settings) => {
  if (!signsTokens(settings)) return undefined;
  const { config, origins } = settings;
  const minutely = within(config.rateLimit, 60);
  if (minutely <= MOST_REQUESTS_A_MINUTE)
    return passed(`${minutely} unsafe requests a minute to the router from one address`);
  return warned(`${minutely} unsafe requests a minute to the router from one address`, {
    why: 'one client can guess passwords of many accounts, and keep the machine busy with their hashes',
    fix: `set ${origins.nameOf('rateLimit')}=5/1s`,
  });
});

/** How many a limit lets through in a time. */
function within({ max, windowSeconds }: Limit, seconds: number): number {
  return Math.ceil(max * Math.max(1, seconds / windowSeconds));
}
