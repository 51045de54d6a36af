import { readFileSync } from 'node:fs';
import path from 'node:path';
import { isRecord } from '../../is-record.js';
import type { Check, Inspected } from '../check.js';
import { failed, passed, type Verdict, warned } from '../finding.js';

/** When each version of Node gets its last security fix (https://github.com/nodejs/Release). */
const NODE_ENDS: ReadonlyMap<number, string> = new Map([
  [20, '2026-04-30'],
  [21, '2024-06-01'],
  [22, '2027-04-30'],
  [23, '2025-06-01'],
  [24, '2028-04-30'],
  [25, '2026-06-01'],
  [26, '2029-04-30'],
]);

/** Whether Node still gets security fixes. */
export const nodeVersion: Check = {
  name: 'node_version',
  judge({ today }) {
    if (!today) return undefined;
    const end = NODE_ENDS.get(majorOf(today.nodeVersion));
    const says = `Node ${today.nodeVersion}`;
    if (end === undefined) return passed(`${says}; the end of its support is not known here`);
    if (today.now < Date.parse(end)) return passed(`${says} gets security fixes until ${end}`);
    return warned(`${says} has had no security fixes since ${end}`, {
      why: 'flaws that become known from then on, in HTTP and TLS among others, stay open',
      fix: 'run the application on a version that is maintained (https://nodejs.org/en/about/previous-releases), or accept the warning where your distribution or vendor still fixes this one; Latchkey runs on it',
    });
  },
};

/**
 * The oldest fit release of each major version: that of our peer dependencies, and of Express the last in which a flaw was
 * fixed (https://expressjs.com/en/advanced/security-updates.html).
 */
export const oldestFit: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  express: { 4: '4.21.2', 5: '5.0.1' },
  pg: { 8: '8.12.0' },
  ioredis: { 5: '5.4.0', 6: '6.0.0' },
  libsql: { 0: '0.5.0' },
};

/** Express, and the driver of the store, as they are installed beside the application. */
export const packageVersions: Check = {
  name: 'package_versions',
  judge(inspected) {
    const { folder } = inspected;
    const express = folder === undefined ? undefined : installedVersion(folder, 'express');
    // Without Express where it is looked for, the application is bundled, or its packages are elsewhere.
    if (folder === undefined || express === undefined) return undefined;
    const driver = driverOf(inspected);
    const version = driver && installedVersion(folder, driver);
    if (driver !== undefined && version === undefined)
      return failed(`${driver} is not installed, which the store needs`, {
        why: 'the application starts, and fails at the first request that needs the store',
        fix: `npm install ${driver}`,
      });
    const found = [{ name: 'express', version: express }];
    if (driver !== undefined && version !== undefined) found.push({ name: driver, version });
    const old = found.flatMap(({ name, version: installed }) => judgeVersion(name, installed));
    const names = found.map(({ name, version: installed }) => `${name} ${installed}`);
    return old.length > 0
      ? old
      : passed(`${names.join(', ')}; npm audit knows what else is to be updated`);
  },
};

function judgeVersion(name: string, version: string): readonly Verdict[] {
  const majors = oldestFit[name] ?? {};
  const oldest = majors[majorOf(version)];
  if (oldest !== undefined && !isOlder(version, oldest)) return [];
  const newest = Object.keys(majors).at(-1);
  const cure = oldest === undefined ? `${name}@${newest}` : `${name}@^${oldest}`;
  return [
    warned(
      `${name} ${version} is ${oldest === undefined ? 'no version that is supported' : 'too old'}`,
      {
        why:
          name === 'express' && oldest !== undefined
            ? 'it has known security flaws: https://expressjs.com/en/advanced/security-updates.html'
            : 'Latchkey is tested with other versions of it',
        fix: `npm install ${cure}`,
      },
    ),
  ];
}

const DRIVERS: readonly (readonly [scheme: RegExp, driver: string])[] = [
  [/^postgres/, 'pg'],
  [/^redis/, 'ioredis'],
  [/^file:/, 'libsql'],
];

/** The driver that the store of AUTH_STORE_URL loads at its first use. */
function driverOf({ settings, today }: Inspected): string | undefined {
  if (!settings || settings.hasOwnStore) return undefined;
  const { jwt, store } = settings.config;
  if (jwt.secret === undefined && jwt.privateKey === undefined) return undefined;
  if (store.url.startsWith('file:') && today && hasSqlite(today.nodeVersion)) return undefined;
  return DRIVERS.find(([scheme]) => scheme.test(store.url))?.[1];
}

/** Whether Node has SQLite itself, without a flag. */
function hasSqlite(version: string): boolean {
  return !isOlder(version, majorOf(version) === 23 ? '23.4.0' : '22.13.0');
}

/** Looks in every `node_modules` from the folder upwards, as Node does; in a workspace the package may be far up. */
function installedVersion(folder: string, name: string): string | undefined {
  const version = versionIn(path.join(folder, 'node_modules', name, 'package.json'));
  const parent = path.dirname(folder);
  return version ?? (parent === folder ? undefined : installedVersion(parent, name));
}

function versionIn(manifest: string): string | undefined {
  try {
    const content: unknown = JSON.parse(readFileSync(manifest, 'utf8'));
    const version = isRecord(content) ? content['version'] : undefined;
    return typeof version === 'string' && /^\d+\.\d+\.\d+/.test(version) ? version : undefined;
  } catch {
    return undefined;
  }
}

function majorOf(version: string): number {
  return Number(version.split('.')[0]);
}

/** A pre-release is older than its release. */
function isOlder(version: string, oldest: string): boolean {
  const [one, other] = [version, oldest].map((text) => text.split(/[.-]/).slice(0, 3).map(Number));
  const differing = one?.findIndex((number, at) => number !== other?.[at]) ?? -1;
  if (differing === -1) return version.includes('-');
  return (one?.[differing] ?? 0) < (other?.[differing] ?? 0);
}
