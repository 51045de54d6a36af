import diagnosticsChannel from 'node:diagnostics_channel';
import { createAuth } from 'latchkey';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createEvents } from '../../lib/events.js';
import { BASE, bearer, serveAuth } from '../world/auth-server.js';
import { PATIENCE } from '../world/patience.js';

/** What the process is warned of, instead of printing it. */
function catchWarnings(): readonly string[] {
  const warnings: string[] = [];
  const emitWarning = vi
    .spyOn(process, 'emitWarning')
    .mockImplementation((message) => void warnings.push(String(message)));
  onTestFinished(() => emitWarning.mockRestore());
  return warnings;
}

const FETCHED = { issuer: 'https://id.example', keys: 1, added: 1, withdrawn: 0 };

describe('a listener of events', () => {
  it.each([
    {
      title: 'throws',
      listener: () => {
        throw new Error('the log is full');
      },
      warning: "a listener of 'token.refused' threw: the log is full",
    },
    {
      title: 'rejects',
      listener: async () => {
        await Promise.resolve();
        throw new Error('the log is away');
      },
      warning: "a listener of 'token.refused' rejected: the log is away",
    },
    {
      title: 'throws what is no error',
      // oxlint-disable-next-line typescript/prefer-promise-reject-errors
      listener: () => Promise.reject('secret'),
      warning: "a listener of 'token.refused' rejected: not an Error",
    },
  ])('that $title is told as a warning, and changes no answer', async ({ listener, warning }) => {
    const warnings = catchWarnings();
    const { auth, get, events } = await serveAuth();
    auth.on('token.refused', listener);
    const response = await get('/api/me', bearer({ access_token: 'junk' }));
    expect(response.status).toBe(401);
    await vi.waitFor(() => expect(warnings).toEqual([warning]), PATIENCE);
    expect(events.filter(({ name }) => name === 'token.refused')).toHaveLength(1);
  });

  it.each([
    { name: 'login.fail', cure: 'did you mean login.failed?' },
    { name: 'loginFailed', cure: 'did you mean login.failed?' },
    { name: 'impersonation', cure: 'impersonation.started or' },
    { name: 'nothing of the kind', cure: '`eventNames` has them all' },
    { name: 'constructor', cure: '`eventNames` has them all' },
    { name: '', cure: 'no event ""; `eventNames`' },
  ])('of an event $name, which does not exist, is refused with the nearest name', (row) => {
    const auth = createAuth({ ...BASE, publicUrl: 'http://localhost:3000' });
    const listen = () => auth.on(row.name as 'login.failed', () => undefined);
    expect(listen).toThrow(TypeError);
    expect(listen).toThrow(row.cure);
  });

  it('that is no function is refused', () => {
    const auth = createAuth({ ...BASE, publicUrl: 'http://localhost:3000' });
    expect(() => auth.on('login.failed', undefined as never)).toThrow(TypeError);
  });

  it('can remove itself, and then was told once', () => {
    const events = createEvents();
    const told: string[] = [];
    const stop = events.on('keys.fetched', () => {
      stop();
      told.push('once');
    });
    events.on('keys.fetched', () => told.push('always'));
    events.emit('keys.fetched', { ...FETCHED });
    events.emit('keys.fetched', { ...FETCHED });
    stop();
    expect(told).toEqual(['once', 'always', 'always']);
  });

  it('that another one removes is not told any more, and one that is added is told from the next event on', () => {
    const events = createEvents();
    const told: string[] = [];
    const listenAgain = () => void events.on('keys.fetched', () => told.push('added'));
    events.on('keys.fetched', () => {
      stopOther();
      listenAgain();
    });
    const stopOther = events.on('keys.fetched', () => told.push('other'));
    events.emit('keys.fetched', { ...FETCHED });
    expect(told).toEqual([]);
    events.emit('keys.fetched', { ...FETCHED });
    expect(told).toEqual(['added']);
  });

  it('that was added twice is told twice, and removed one by one', () => {
    const events = createEvents();
    const told: string[] = [];
    const listener = (event: object) => told.push(Object.keys(event).join(' '));
    const [stopFirst, stopSecond] = [
      events.on('keys.fetched', listener),
      events.on('keys.fetched', listener),
    ];
    events.emit('keys.fetched', { ...FETCHED });
    stopFirst();
    stopFirst();
    events.emit('keys.fetched', { ...FETCHED });
    stopSecond();
    events.emit('keys.fetched', { ...FETCHED });
    expect(told).toHaveLength(3);
  });

  it('cannot change what the next one sees', () => {
    catchWarnings();
    const events = createEvents();
    const seen: unknown[] = [];
    events.on('keys.fetched', (event) => Object.assign(event, { issuer: 'https://evil.example' }));
    events.on('keys.fetched', (event) => seen.push(event));
    events.emit('keys.fetched', { ...FETCHED });
    expect(seen).toEqual([FETCHED]);
  });
});

describe('a subscriber of the diagnostics channel', () => {
  it('is told of the same event', () => {
    const events = createEvents();
    const told: unknown[] = [];
    const listener = (event: unknown, name: unknown) => told.push([name, event]);
    diagnosticsChannel.subscribe('latchkey:keys.fetched', listener);
    onTestFinished(() => void diagnosticsChannel.unsubscribe('latchkey:keys.fetched', listener));
    events.on('keys.fetched', (event) => told.push(event));
    events.emit('keys.fetched', FETCHED);
    expect(told).toEqual([['latchkey:keys.fetched', FETCHED], FETCHED]);
  });

  it('that throws is an uncaught exception of the process, as Node.js has it; the request is answered and listeners are told', async () => {
    const uncaught: unknown[] = [];
    process.setUncaughtExceptionCaptureCallback((error) => void uncaught.push(error));
    onTestFinished(() => process.setUncaughtExceptionCaptureCallback(null));
    const failure = new Error('the subscriber is broken');
    const subscriber = () => {
      throw failure;
    };
    diagnosticsChannel.subscribe('latchkey:token.refused', subscriber);
    onTestFinished(() => void diagnosticsChannel.unsubscribe('latchkey:token.refused', subscriber));
    const { get, events } = await serveAuth();
    expect((await get('/api/me', bearer({ access_token: 'junk' }))).status).toBe(401);
    expect(events.map(({ name }) => name)).toEqual(['token.refused']);
    expect(uncaught).toEqual([failure]);
  });
});
