import { type Auth, type AuthOptions, createAuth } from 'latchkey';
import { onTestFinished } from 'vitest';
import { loadConfig, originsOf } from '../../../lib/config/config.js';
import type { Finding } from '../../../lib/doctor/finding.js';
import type { LiveSubject } from '../../../lib/doctor/live/subject.js';
import { type CreatedAuth, onCreated } from '../../../lib/doctor/created.js';
import { BASE, SECRET } from '../../world/auth-server.js';

const PUBLIC_URL = 'http://localhost:3000';
export const REDIRECT_URI = `${PUBLIC_URL}/api/auth/callback`;

/** An application that signs users in, as `npx latchkey doctor --live` sees it. */
export function subjectOf(
  env: Readonly<Record<string, string>>,
  others: Partial<LiveSubject> = {},
): LiveSubject {
  const config = loadConfig({
    env: { AUTH_JWT_SECRET: SECRET, AUTH_PUBLIC_URL: PUBLIC_URL, ...env },
    onWarning: () => undefined,
  });
  return { config, origins: originsOf(config), routerPath: '/api/auth', now: Date.now, ...others };
}

/** What is not right, in short. */
export function faultsIn(findings: readonly Finding[]): readonly string[] {
  return findings
    .filter(({ outcome }) => outcome !== 'pass')
    .map(({ check, outcome }) => `${outcome} ${check}`);
}

/** The finding of a check that is not right. */
export function faultOf(findings: readonly Finding[], check: string): Fault | undefined {
  return findings.find(
    (finding): finding is Fault => finding.check === check && finding.outcome !== 'pass',
  );
}

type Fault = Exclude<Finding, { readonly outcome: 'pass' }>;

/** What `npx latchkey doctor` hears of an application when it loads it. */
export function createdBy(options: AuthOptions): { auth: Auth; created: CreatedAuth } {
  const heard: CreatedAuth[] = [];
  const stop = onCreated((created) => heard.push(created));
  const auth = createAuth({ ...BASE, publicUrl: PUBLIC_URL, ...options });
  stop();
  onTestFinished(() => auth.close());
  const [created] = heard;
  if (!created) throw new Error('createAuth() was not heard of');
  return { auth, created };
}
