import { stackOf } from '../../audit/layers.js';
import { call, member } from '../../audit/member.js';
import { expressOf, isNestApp } from '../../audit/nest-app.js';
import { isRecord } from '../../is-record.js';

/** Applications among what a module exports and what servers answer with. Each once; those inside others are left out. */
export function findApps(values: readonly unknown[]): readonly unknown[] {
  const found = values.flatMap(appsIn);
  // A Nest application and the Express application inside it are one.
  const byInstance = new Map<unknown, unknown>();
  for (const app of [...found.filter(isNestApp), ...found]) {
    const instance = expressOf(app) ?? app;
    if (!byInstance.has(instance)) byInstance.set(instance, app);
  }
  return [...byInstance]
    .filter(([instance]) => !isInside(instance, byInstance))
    .map(([, app]) => app);
}

/** What a module exports, and the members of what a CommonJS module exports as a whole. */
export function exportsOf(module: unknown): readonly unknown[] {
  if (!isRecord(module)) return [];
  const whole = module['default'];
  const isPlain = isRecord(whole) && Object.getPrototypeOf(whole) === Object.prototype;
  return [...Object.values(module), ...(isPlain ? Object.values(whole) : [])];
}

function appsIn(value: unknown): readonly unknown[] {
  if (isExpressApp(value) || isNestApp(value)) return [value];
  return requestListenersOf(value).filter(isExpressApp);
}

function requestListenersOf(server: unknown): readonly unknown[] {
  const listeners = call(server, 'listeners', 'request');
  return Array.isArray(listeners) ? listeners : [];
}

function isExpressApp(value: unknown): boolean {
  const isApplication = ['handle', 'set', 'use', 'listen'].every(
    (name) => typeof member(value, name) === 'function',
  );
  return typeof value === 'function' && isApplication && stackOf(value) !== undefined;
}

/** Express tells a mounted application which one it is in. */
function isInside(app: unknown, others: ReadonlyMap<unknown, unknown>): boolean {
  const parent = member(app, 'parent');
  return parent !== undefined && (others.has(parent) || isInside(parent, others));
}
