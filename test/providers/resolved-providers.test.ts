import { describe, expect, it } from 'vitest';
import {
  createResolvedProviders,
  type ProviderResolver,
} from '../../lib/providers/resolved-providers.js';
import { createClock } from '../world/clock.js';
import { createEventLog } from '../world/event-log.js';

const SETTINGS = { issuer: 'https://id.acme.example', clientId: 'reports', clientSecret: 'x' };

/** A resolver that notes which names it was asked for. */
function world(resolve: ProviderResolver) {
  const clock = createClock();
  const events = createEventLog();
  const asked: string[] = [];
  const find = createResolvedProviders(
    (name) => {
      asked.push(name);
      return resolve(name);
    },
    {
      fetch,
      allowLoopbackHttp: false,
      internalHosts: new Set(),
      toleranceSeconds: 60,
      events,
      now: clock.now,
    },
  );
  return { clock, events, asked, find };
}

const tenants: Readonly<Record<string, typeof SETTINGS>> = { acme: SETTINGS };

describe('providers that are known only at run time', () => {
  it('are asked for once in five minutes, and stay the same while their settings do', async () => {
    const { clock, asked, find } = world((name) => ({ ...tenants[name] }) as typeof SETTINGS);
    const [first, second] = await Promise.all([find('acme'), find('acme')]);
    expect(first?.label).toBe('acme');
    expect(second).toBe(first);
    clock.advance(299);
    await find('acme');
    expect(asked).toEqual(['acme']);
    clock.advance(1);
    expect(await find('acme')).toBe(first);
    expect(asked).toEqual(['acme', 'acme']);
  });

  it('are another one when their settings change, and none when they are gone', async () => {
    let settings: typeof SETTINGS | undefined = SETTINGS;
    const { clock, find } = world(() => settings);
    const first = await find('acme');
    settings = { ...SETTINGS, clientId: 'other' };
    clock.advance(300);
    expect(await find('acme')).not.toBe(first);
    settings = undefined;
    clock.advance(300);
    expect(await find('acme')).toBeUndefined();
  });

  it('are not pushed out by a flood of made-up names', async () => {
    const { asked, find } = world((name) => tenants[name]);
    const acme = await find('acme');
    for (let number = 0; number < 3000; number += 1) await find(`made-up-${number}`);
    expect(await find('acme')).toBe(acme);
    expect(asked.filter((name) => name === 'acme')).toHaveLength(1);
  });

  it('an unknown name is asked for once in thirty seconds', async () => {
    const { clock, asked, find } = world((name) => tenants[name]);
    for (const seconds of [0, 29]) {
      clock.advance(seconds);
      expect(await find('soon')).toBeUndefined();
    }
    expect(asked).toHaveLength(1);
    clock.advance(1);
    await find('soon');
    expect(asked).toHaveLength(2);
  });

  it.each(['constructor', '__proto__', 'Acme', 'a--b', '-a', 'a'.repeat(65), '', '../x', 'a.b'])(
    '%j is no name, and never asked for',
    async (name) => {
      const { asked, find } = world((each) => tenants[each]);
      expect(await find(name)).toBeUndefined();
      expect(asked).toEqual([]);
    },
  );

  it.each<{ title: string; resolve: () => unknown }>([
    { title: 'that throws', resolve: () => Promise.reject(new Error('no database')) },
    {
      title: 'of a provider over http',
      resolve: () => ({ ...SETTINGS, issuer: 'http://x.example' }),
    },
    { title: 'without an issuer', resolve: () => ({ clientId: 'x' }) },
    { title: 'that is text', resolve: () => 'https://id.acme.example' },
    { title: 'that is a function', resolve: () => Object },
  ])('an answer $title is 503 for five seconds, and an event', async ({ resolve }) => {
    const { clock, events, asked, find } = world(resolve as ProviderResolver);
    const unavailable = { code: 'STORE_UNAVAILABLE', status: 503 };
    await expect(find('acme')).rejects.toMatchObject(unavailable);
    clock.advance(4);
    await expect(find('acme')).rejects.toMatchObject(unavailable);
    expect(asked).toHaveLength(1);
    clock.advance(1);
    await expect(find('acme')).rejects.toMatchObject(unavailable);
    expect(asked).toHaveLength(2);
    expect(events.of('hook.failed')).toHaveLength(2);
  });
});
