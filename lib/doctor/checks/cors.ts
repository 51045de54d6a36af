import { isLoopback } from '../../http/is-loopback.js';
import { type Check, type InspectedSettings, settingsCheck } from '../check.js';
import { passed, type Verdict, warned } from '../finding.js';

/** Pages of which origins may call the application. */
export const cors: Check = settingsCheck('cors', (settings) => {
  const { config, origins } = settings;
  const { corsOrigins } = config;
  const name = origins.nameOf('corsOrigins');
  if (corsOrigins.length === 0) return passed('no page of another origin may read the answers');
  if (corsOrigins.includes('*'))
    return warned(`${name} is *`, {
      why: 'every page on the web can call the API, and read what it answers, with any token that it gets hold of',
      fix: `list the origins of your pages in ${name}, unless the API is for everybody`,
    });
  const found = listed(settings, { path: 'corsOrigins', origins: corsOrigins });
  const patterns = corsOrigins.filter((origin) => origin.includes('*'));
  if (config.production && patterns.length > 0)
    found.push(
      warned(`${name} has ${patterns.join(', ')}`, {
        why: 'one forgotten or taken-over host below that domain can call the API and read its answers, although without cookies',
        fix: 'list the hosts that there are; keep patterns for preview deployments',
      }),
    );
  return found.length > 0 ? found : passed(`pages of ${corsOrigins.join(', ')} may call the API`);
});

/** Who may show our pages in a frame. */
export const frameAncestors: Check = settingsCheck('frame_ancestors', (settings) => {
  const { frameAncestors: ancestors } = settings.config;
  const sites = ancestors.filter((ancestor) => !ancestor.startsWith("'"));
  if (sites.length === 0) return undefined;
  const found = listed(settings, { path: 'frameAncestors', origins: sites });
  return found.length > 0 ? found : passed(`only ${sites.join(', ')} may frame the pages`);
});

/** What is wrong with origins that are listed exactly. */
function listed(
  settings: InspectedSettings,
  { path, origins }: { readonly path: string; readonly origins: readonly string[] },
): Verdict[] {
  const web = origins.filter((origin) => /^https?:/.test(origin) && !origin.includes('*'));
  const local = web.filter((origin) => isLoopback(new URL(origin)));
  const plain = web.filter((origin) => origin.startsWith('http:') && !local.includes(origin));
  const name = settings.origins.nameOf(path);
  return [
    ...(plain.length > 0
      ? [
          warned(`${name} has ${plain.join(', ')}`, {
            why: 'an attacker who can change traffic on plain http can put a script into such a page, which then acts as the user',
            fix: `have these pages served by https, and change ${name}`,
          }),
        ]
      : []),
    ...(settings.config.production && local.length > 0
      ? [
          warned(`${name} has ${local.join(', ')}, in production`, {
            why: "any program on a user's machine can serve a page there, which then acts as the user",
            fix: `remove it from ${name} in production, unless it is the origin of a mobile app's own pages (Capacitor)`,
          }),
        ]
      : []),
  ];
}
