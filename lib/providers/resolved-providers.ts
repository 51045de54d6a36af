import { isDeepStrictEqual } from 'node:util';
import { createBoundedMap } from '../bounded-map.js';
import { AuthError } from '../errors.js';
import { isRecord } from '../is-record.js';
import type { LoginProvider } from './login-provider.js';
import { createOpenidProvider, type OpenidProviderSettings } from './openid.js';
import type { ProviderContext } from './tokens.js';

/**
 * Finds a provider that is known only at run time, such as a tenant's, by the name in the URL: 1 to 64 lower-case
 * letters, digits and hyphens. Returns its settings, or undefined for a name without a provider; the routes of that name
 * are then 404. A throw, or settings that cannot be safe, cause 503 STORE_UNAVAILABLE and the event `hook.failed`.
 *
 * Settings are kept for 5 minutes, undefined for 30 seconds, a failure for 5.
 */
export type ProviderResolver = (
  name: string,
) => OpenidProviderSettings | undefined | Promise<OpenidProviderSettings | undefined>;

const MAX_PROVIDERS = 1000;
const MAX_NAME_LENGTH = 64;
const KNOWN_MS = 300_000;
const UNKNOWN_MS = 30_000;
/** Short, and not nothing: an outage of the application's own is not made worse. */
const FAILED_MS = 5000;

interface Known {
  readonly provider: LoginProvider;
  readonly settings: OpenidProviderSettings;
  readonly until: number;
}

interface Absent {
  readonly error: AuthError | undefined;
  readonly until: number;
}

/**
 * Remembers what a resolver returns. Known and absent names are kept apart, so that a flood of made-up names cannot
 * push real tenants out; questions asked at the same time share one answer.
 */
export function createResolvedProviders(
  resolveProvider: ProviderResolver,
  context: ProviderContext,
): (name: string) => Promise<LoginProvider | undefined> {
  const { now, events } = context;
  const known = createBoundedMap<string, Known>(MAX_PROVIDERS);
  const absent = createBoundedMap<string, Absent>(MAX_PROVIDERS);
  const pending = new Map<string, Promise<LoginProvider | undefined>>();

  async function resolve(name: string): Promise<LoginProvider | undefined> {
    const settings: unknown = await resolveProvider(name);
    if (settings === undefined || settings === null) {
      known.delete(name);
      absent.set(name, { error: undefined, until: now() + UNKNOWN_MS });
      return undefined;
    }
    if (!isSettings(settings))
      throw new TypeError('resolveProvider() returns the settings of a provider, or undefined');
    const before = known.get(name);
    // The same settings again keep metadata and keys.
    const provider = isDeepStrictEqual(before?.settings, settings)
      ? before?.provider
      : createOpenidProvider(name, settings, context);
    if (provider) known.set(name, { provider, settings: { ...settings }, until: now() + KNOWN_MS });
    return provider;
  }

  async function resolveOrFail(name: string): Promise<LoginProvider | undefined> {
    try {
      return await resolve(name);
    } catch (cause) {
      events.emit('hook.failed', { hook: 'resolveProvider' });
      const error = new AuthError('STORE_UNAVAILABLE', { reason: 'resolve_provider', cause });
      absent.set(name, { error, until: now() + FAILED_MS });
      throw error;
    } finally {
      pending.delete(name);
    }
  }

  return async function resolveByName(name) {
    if (!canBeAsked(name)) return undefined;
    const found = known.get(name);
    if (found && now() < found.until) return found.provider;
    const missed = absent.get(name);
    if (missed && now() < missed.until) {
      if (missed.error) throw missed.error;
      return undefined;
    }
    const asked = pending.get(name) ?? resolveOrFail(name);
    pending.set(name, asked);
    return asked;
  };
}

/** A resolver may look into a plain object, and `constructor` is in every one of them. */
function canBeAsked(name: string): boolean {
  return (
    name.length <= MAX_NAME_LENGTH &&
    /^[a-z\d]+(?:-[a-z\d]+)*$/.test(name) &&
    !(name in Object.prototype)
  );
}

/** `createOpenidProvider()` judges the rest. */
function isSettings(value: unknown): value is OpenidProviderSettings {
  return (
    isRecord(value) && typeof value['issuer'] === 'string' && typeof value['clientId'] === 'string'
  );
}
