import type { Inspected } from '../../doctor/check.js';
import type { CreatedAuth } from '../../doctor/created.js';
import { markAccepted } from '../../doctor/examine.js';
import { routesOf } from '../../doctor/express-apps.js';
import type { Finding } from '../../doctor/finding.js';
import { checkLive } from '../../doctor/live/live.js';
import { createPlace } from '../../http/place.js';
import { withProgress } from '../output/progress.js';
import type { Terminal } from '../terminal.js';
import { UsageError } from '../usage-error.js';

export interface LiveGiven {
  readonly live?: boolean | undefined;
  readonly 'mail-to'?: string | undefined;
  readonly router?: string | undefined;
}

/** Refuses options that mean nothing without `--live`, before an application is loaded. */
export function refuseStrayLive({ live = false, 'mail-to': mailTo, router }: LiveGiven): void {
  if (!live && (mailTo ?? router) !== undefined)
    throw new UsageError('--mail-to and --router need --live');
  if (router !== undefined && !/^\/(?!\/)[\w./~-]*$/.test(router))
    throw new UsageError('--router is a path such as /api/auth');
}

/** What the network says of each `createAuth()`; nothing without `--live`. */
export async function liveFindings(
  inspected: readonly Inspected[],
  given: LiveGiven,
  terminal: Terminal,
): Promise<readonly Finding[]> {
  if (given.live !== true) return [];
  const work = inspected.map((each) => askAround(each, given));
  const found = await withProgress(
    terminal,
    'asking providers, issuers, store and application',
    Promise.all(work),
  );
  return found.flat();
}

async function askAround(
  inspected: Inspected,
  { 'mail-to': mailTo, router }: LiveGiven,
): Promise<readonly Finding[]> {
  const { settings, application } = inspected;
  if (!settings) return [];
  const { config, origins } = settings;
  const created = application?.auths.find((auth) => auth.config === config);
  const findings = await checkLive({
    ...{ config, origins, created, mailTo, now: Date.now },
    providerFetch: created?.providerFetch,
    routerPath: routerPathOf(inspected, { created, router }),
  });
  return findings.map((finding) => markAccepted(finding, config));
}

/** Where browsers find the router: what was given, or said in code, or seen in the application, or usual. */
function routerPathOf(
  { settings, application }: Inspected,
  {
    created,
    router,
  }: { readonly created: CreatedAuth | undefined; readonly router: string | undefined },
): string {
  const { publicUrl, home } = settings?.config ?? {};
  const place = createPlace({
    publicUrl,
    home: home ?? '/',
    basePath: router?.replace(/\/$/, '') ?? created?.basePath,
  });
  // Of several, nothing tells which is whose.
  if (application?.auths.length === 1)
    place.mountedAt(() =>
      routesOf(application)
        .filter(({ protection }) => protection === 'auth_router')
        .map(({ path }) => path.replace(/\/\*$/, '')),
    );
  return place.routerPath();
}
