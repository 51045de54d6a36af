import type { Finding } from '../finding.js';
import { checkDeployed } from './deployed.js';
import { checkLoginProviders } from './login-providers.js';
import { checkMail } from './mail.js';
import { checkStore } from './store.js';
import { fail } from './outcomes.js';
import type { LiveSubject } from './subject.js';
import { checkTrustedIssuers } from './trusted-issuers.js';

/** Asks everything that the settings name over the network, all at once and each within seconds. What can't be reached is a finding. */
export async function checkLive(subject: LiveSubject): Promise<readonly Finding[]> {
  const checks = [checkLoginProviders, checkTrustedIssuers, checkStore, checkDeployed, checkMail];
  const findings = await Promise.all(checks.map((check) => orRefusal(check(subject))));
  return findings.flat();
}

/** Settings that `createAuth()` would refuse as well, in words that hold no secret. */
async function orRefusal(check: Promise<readonly Finding[]>): Promise<readonly Finding[]> {
  try {
    return await check;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const why = 'createAuth() refuses them, and the application does not start';
    return [fail('live_settings', { says: error.message, why, fix: 'change what it names' })];
  }
}
