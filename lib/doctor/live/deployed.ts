import type { Config } from '../../config/config.js';
import { isLoopback } from '../../http/is-loopback.js';
import { reasonOf } from '../../stores/failures/failure-reasons.js';
import { parseJsonObject } from '../../verifier/tokens/shape.js';
import type { Finding } from '../finding.js';
import { type Answer, ask, type Asking, redirectOf } from './ask.js';
import { judgeValidity, validityOf } from './certificate.js';
import { checkClientAddress } from './client-address.js';
import { judgeClock } from './clock.js';
import { fail, pass, warn } from './outcomes.js';
import type { LiveSubject } from './subject.js';
import { troubleWith } from './unreached.js';

/**
 * Asks the application itself at AUTH_PUBLIC_URL, as a browser would: its status, certificate and headers, whether http leads to https, and by
 * whose address it limits requests. An application on this machine that doesn't run is no fault.
 */
export async function checkDeployed(subject: LiveSubject): Promise<readonly Finding[]> {
  const { config, now, routerPath } = subject;
  if (config.publicUrl === undefined) return [];
  const site = new URL(config.publicUrl);
  const asking: Asking = { allowLoopbackHttp: true, internalHosts: 'any', now };
  const router = hasRouter(subject) ? new URL(routerPath, site) : undefined;
  try {
    const answer = await ask(router ? `${router.href}/status` : site.href, asking);
    const { clock } = answer;
    const [address, edge] = await Promise.all([
      router ? checkClientAddress(router, asking) : [],
      site.protocol === 'https:' ? checkEdge(site, asking) : [],
    ]);
    return [
      ...(router ? [judgeStatus(answer, router)] : []),
      ...judgeHeaders(answer, config),
      ...edge,
      ...address,
      ...(clock ? [judgeClock('the application', clock, config.clockToleranceSeconds)] : []),
    ];
  } catch (error) {
    const isElsewhere = !isLoopback(site) || reasonOf(error) === 'tls';
    return isElsewhere ? [judgeSilence(site, error)] : [];
  }
}

function hasRouter({ config: { jwt }, created }: LiveSubject): boolean {
  if (created) return created.routers.length > 0;
  return jwt.secret !== undefined || jwt.privateKey !== undefined;
}

/** It may not have been deployed yet. A certificate that is refused has been. */
function judgeSilence(site: URL, error: unknown): Finding {
  const words = {
    ...troubleWith(`the application at ${site.href}`, error),
    why: 'users can reach it no better; its status, headers and proxies were not looked at',
  };
  if (reasonOf(error) === 'tls') return fail('live_app', words);
  const fix = `deploy it first, or ${words.fix}`;
  return warn('live_app', { ...words, fix });
}

function judgeStatus(answer: Answer, router: URL): Finding {
  const body = parseJsonObject(answer.text);
  const { status, reasons } = body ?? {};
  const named = Array.isArray(reasons) ? reasons.filter(isReason).join(', ') : '';
  const fix = 'run npx latchkey doctor --live there, and look at the events of the application';
  if (status === 'ready')
    return pass('live_app', `the application is ready (${router.href}/status)`);
  if (status === 'degraded')
    return warn('live_app', {
      says: `the application is degraded: ${named}`,
      why: 'access tokens are verified, and something else is refused',
      fix,
    });
  if (status === 'unavailable')
    return fail('live_app', {
      says: `the application is unavailable: ${named}`,
      why: 'requests that need to be authenticated are refused with 503',
      fix,
    });
  return warn('live_app', {
    says: `${router.href}/status answers ${answer.status}, and not with the status of the application`,
    why: 'redirect URIs, links in mails and pages lead below that path',
    fix: 'check AUTH_PUBLIC_URL and the proxy before it; where the router is mounted elsewhere, name its path: --router /auth',
  });
}

function isReason(reason: unknown): boolean {
  return typeof reason === 'string' && /^[a-z_]{1,40}$/.test(reason);
}

const DAYS_180 = 15_552_000;

function judgeHeaders({ headers, url }: Answer, config: Config): readonly Finding[] {
  const cure = config.securityHeaders
    ? 'put app.use(auth.securityHeaders()) before everything else'
    : 'let the proxy set it, or remove AUTH_SECURITY_HEADERS=off';
  const lacksNosniff = headers.get('x-content-type-options') !== 'nosniff';
  const seconds = Number(
    /max-age="?(\d+)/i.exec(headers.get('strict-transport-security') ?? '')?.[1] ?? 0,
  );
  const findings = [
    lacksNosniff
      ? warn('live_headers', {
          says: 'answers come without X-Content-Type-Options: nosniff, as without all security headers',
          why: 'browsers may run what was never meant to be a page or a script',
          fix: cure,
        })
      : pass('live_headers', 'answers have security headers'),
  ];
  if (url.protocol === 'https:' && seconds < DAYS_180)
    findings.push(
      warn('live_https', {
        says: 'answers come without Strict-Transport-Security, or for less than 180 days',
        why: 'the first request of a browser may go over http, where others can answer it',
        fix: cure,
      }),
    );
  return findings;
}

async function checkEdge(site: URL, asking: Asking): Promise<readonly Finding[]> {
  const [validity, plain] = await Promise.all([
    validityOf(site),
    site.port === '' ? checkPlainHttp(new URL(`http://${site.hostname}/`), asking) : undefined,
  ]);
  return [validity && judgeValidity(validity, asking.now()), plain].filter(
    (finding) => finding !== undefined,
  );
}

/** Whether the same host sends browsers that come by http to https. */
export async function checkPlainHttp(url: URL, asking: Asking): Promise<Finding> {
  const allowHttpHosts = new Set([url.hostname]);
  const answer = await ask(url.href, { ...asking, allowHttpHosts }).catch(() => undefined);
  if (!answer) return pass('live_https', 'nothing answers over http');
  const target = redirectOf(answer);
  if (target?.protocol === 'https:' && target.hostname === url.hostname)
    return pass('live_https', 'http leads to https');
  return warn('live_https', {
    says: target
      ? `http leads to ${target.origin}`
      : `${url.href} answers over http (${answer.status})`,
    why: 'passwords and tokens of those who come by http can be read on the way',
    fix: `let the proxy redirect http to https://${url.hostname}, or not answer there`,
  });
}
