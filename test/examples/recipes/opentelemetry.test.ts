import { randomBytes } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { RequestListener } from 'node:http';
import {
  type Attributes,
  context,
  metrics,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { core, metrics as sdkMetrics, NodeSDK, tracing } from '@opentelemetry/sdk-node';
import express from 'express';
import {
  type Auth,
  type AuthEvents,
  type AuthOptions,
  createAuth,
  eventNames,
  memoryStore,
  openStore,
  principalOf,
} from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  createEventCounter,
  nameCaller,
  observe,
} from '../../../examples/recipes/opentelemetry/telemetry.js';
import { addUser, BASE, bearer, createClient } from '../../world/auth-server.js';
import { sendPipelined } from '../../world/pipelined-requests.js';
import { createPostgresSchema } from '../../world/postgres-schema.js';
import { serve } from '../../world/serve.js';
import { isMissing, postgresUrl } from '../../world/services.js';

/** The SDK as an application starts it, but for where it exports to. */
function startSdk() {
  const spans = new tracing.InMemorySpanExporter();
  const reader = new sdkMetrics.PeriodicExportingMetricReader({
    exporter: new sdkMetrics.InMemoryMetricExporter(sdkMetrics.AggregationTemporality.CUMULATIVE),
    exportIntervalMillis: 3_600_000,
  });
  const sdk = new NodeSDK({
    serviceName: 'test',
    autoDetectResources: false,
    spanProcessors: [new tracing.SimpleSpanProcessor(spans)],
    metricReaders: [reader],
    logRecordProcessors: [],
  });
  sdk.start();
  onTestFinished(async () => {
    await sdk.shutdown();
    for (const api of [trace, metrics, context, propagation]) api.disable();
  });
  async function metricsNow() {
    const { resourceMetrics, errors } = await reader.collect();
    expect(errors).toEqual([]);
    return resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
  }
  return {
    spans: () => spans.getFinishedSpans(),
    metricsNow,
    /** Value by attributes. */
    series: async (name: string): Promise<readonly (readonly [unknown, Attributes])[]> => {
      const metric = (await metricsNow()).find(({ descriptor }) => descriptor.name === name);
      return (metric?.dataPoints ?? []).map((point) => [point.value, point.attributes] as const);
    },
  };
}

/** The span of each request, and another one in it, as the instrumentations of `http` and of Express make them. */
function traced(listener: RequestListener): RequestListener {
  const tracer = trace.getTracer('test');
  return (req, res) => {
    const parent = propagation.extract(ROOT_CONTEXT, req.headers);
    const span = tracer.startSpan(`${req.method} ${req.url}`, { kind: SpanKind.SERVER }, parent);
    const inRequest = core.setRPCMetadata(trace.setSpan(parent, span), {
      type: core.RPCType.HTTP,
      span,
    });
    context.with(inRequest, () => {
      res.on('close', () => span.end());
      tracer.startActiveSpan('middleware', (inner) => {
        inner.end();
        listener(req, res);
      });
    });
  };
}

/** What makes a request part of a trace that began elsewhere. */
function newTrace() {
  const id = randomBytes(16).toString('hex');
  return { id, headers: { traceparent: `00-${id}-b7ad6b7169203331-01` } };
}

async function start(options: AuthOptions = {}) {
  const sdk = startSdk();
  const auth = createAuth({ ...BASE, publicUrl: 'http://localhost:3000', ...options });
  onTestFinished(() => auth.close());
  observe(auth);
  return { ...sdk, ...(await serveTraced(auth)) };
}

async function serveTraced(auth: Auth) {
  const app = express();
  app.set('trust proxy', 1);
  app.use(nameCaller());
  app.use('/api/auth', auth.router());
  app.get('/api/me', auth.requireAuth(), (req, res) => res.json(principalOf(req).user));
  app.get('/api/open', auth.optionalAuth(), (_req, res) => res.json({}));
  app.get('/api/reports', auth.requireAuth(), auth.requireScopes('reports:read'));
  app.use(auth.errorHandler());
  const { origin } = await serve(traced(app));
  return createClient({ auth, origin });
}

type World = Awaited<ReturnType<typeof start>>;

/** Which events the span of a trace tells of. */
const SPAN_EVENTS = eventNames.map((name) => `latchkey.${name}`);

/** The attributes of the server's spans, by name and trace, when as many have ended. */
async function requestSpans({ spans }: Pick<World, 'spans'>, count: number) {
  const ended = () => spans().filter(({ kind }) => kind === SpanKind.SERVER);
  await expect.poll(() => ended().length).toBe(count);
  return ended().map((span) => ({
    name: span.name,
    traceId: span.spanContext().traceId,
    status: span.status,
    attributes: span.attributes,
    events: SPAN_EVENTS.filter((event) =>
      Object.keys(span.attributes).some((key) => key === event || key.startsWith(`${event}.`)),
    ),
  }));
}

describe('the OpenTelemetry recipe', () => {
  it('counts events by their fixed words, by names and units of the conventions', async () => {
    const server = await start();
    await addUser(server);
    await server.signIn('alice');
    await server.post('/api/auth/login', { username: 'alice', password: 'not her password' });
    expect(await server.series('latchkey.events')).toEqual(
      expect.arrayContaining([
        [1, { 'latchkey.event.name': 'login.succeeded' }],
        [1, { 'latchkey.event.name': 'login.failed', 'latchkey.event.reason': 'wrong_password' }],
        [0, { 'latchkey.event.name': 'refresh.reused' }],
      ]),
    );
    const units = (await server.metricsNow()).map(({ descriptor: { name, unit } }) => [name, unit]);
    expect(Object.fromEntries(units)).toEqual({
      'latchkey.events': '{event}',
      'latchkey.status': '',
      'latchkey.issuer.count': '{issuer}',
    });
  });

  it('observes the status, and how many issuers have keys', async () => {
    const issuer = await createTestIssuer({ algorithm: 'ES256' });
    issuer.goDown();
    const { series } = await start({ trustedIssuers: [issuer.policy] });
    const value = async (name: string, state: string) =>
      (await series(name)).find(([, attributes]) => Object.values(attributes).includes(state))?.[0];
    expect(await value('latchkey.status', 'ready')).toBe(0);
    expect(await value('latchkey.status', 'degraded')).toBe(1);
    expect(await value('latchkey.issuer.count', 'missing')).toBe(1);
    expect(await value('latchkey.issuer.count', 'current')).toBe(1);
  });

  it.each([
    {
      who: 'a user of ours',
      claims: { sub: 'user-7', client_id: 'web', act: { sub: 'support-1' } },
      says: { 'enduser.pseudo.id': 'user-7', 'latchkey.actor.id': 'support-1' },
    },
    { who: 'a client', claims: { sub: 'web', client_id: 'web' }, says: {} },
    {
      who: 'a subject like an address',
      claims: { sub: 'a@b.example', client_id: 'web' },
      says: {},
    },
  ])('says on the span of a request that $who has sent it', async ({ claims, says }) => {
    const issuer = await createTestIssuer({ algorithm: 'ES256' });
    const server = await start({ trustedIssuers: [issuer.policy] });
    // Else it is the first request that fetches the keys, and says so.
    await server.auth.ready();
    const { id, headers } = newTrace();
    const access_token = await issuer.mint(claims);
    await server.get('/api/me', { ...bearer({ access_token }), ...headers });
    expect(await requestSpans(server, 1)).toMatchObject([{ name: 'GET /api/me', traceId: id }]);
    const [span] = await requestSpans(server, 1);
    const client = { 'latchkey.client.id': 'web', 'latchkey.method': 'jwt' };
    expect(span?.attributes).toEqual({ ...client, ...says });
  });

  it('says nothing of anonymous callers', async () => {
    const server = await start();
    await server.get('/api/open');
    expect((await requestSpans(server, 1))[0]?.attributes).toEqual({});
  });

  it('says why a request was refused, which is no error of the server', async () => {
    const server = await start();
    await addUser(server);
    const tokens = await server.signIn('alice');
    await server.get('/api/me', bearer({ access_token: 'junk' }));
    await server.get('/api/reports', bearer(tokens));
    const spans = await requestSpans(server, 3);
    const [junk, reports] = ['/api/me', '/api/reports'].map((path) =>
      spans.find(({ name }) => name.endsWith(path)),
    );
    expect(junk?.attributes).toEqual({
      'latchkey.token.refused.code': 'INVALID_TOKEN',
      'latchkey.token.refused.reason': 'opaque',
    });
    expect(junk?.status.code).toBe(SpanStatusCode.UNSET);
    expect(reports?.attributes).toMatchObject({
      'latchkey.access.denied.code': 'INSUFFICIENT_SCOPE',
      'enduser.pseudo.id': expect.any(String) as string,
    });
  });

  it('counts and tells without the object as well, by diagnostics_channel', async () => {
    const sdk = startSdk();
    const note = createEventCounter();
    for (const name of eventNames) {
      const listener = (event: unknown) => note(name, event as AuthEvents[typeof name]);
      subscribe(`latchkey:${name}`, listener);
      onTestFinished(() => void unsubscribe(`latchkey:${name}`, listener));
    }
    const auth = createAuth({ ...BASE, publicUrl: 'http://localhost:3000' });
    await (await serveTraced(auth)).get('/api/me', bearer({ access_token: 'junk' }));
    expect(await requestSpans(sdk, 1)).toMatchObject([{ events: ['latchkey.token.refused'] }]);
    const series = await sdk.series('latchkey.events');
    expect(series.filter(([value]) => value !== 0)).toHaveLength(1);
  });
});

describe('what the OpenTelemetry recipe exports', () => {
  it('has as many series after hundreds of users, addresses, paths and key ids as after one', async () => {
    const { auth, origin, series } = await start();
    const visit = (n: number) => {
      const headers = { 'x-forwarded-for': `10.0.${n >> 8}.${n & 255}` };
      const header = Buffer.from(JSON.stringify({ alg: 'HS256', kid: `kid-${n}`, typ: 'JWT' }));
      const access_token = `${header.toString('base64url')}.e30.${'A'.repeat(43)}`;
      // Of the real source of events: their ids are all different.
      const { events } = auth.verifier;
      events.emit('login.succeeded', { userId: `user-${n}`, sessionId: `session-${n}` });
      events.emit('session.revoked', { sessionId: `session-${n}`, reason: `user-${n}` });
      events.emit('keys.skipped', { issuer: `issuer-${n}`, reason: 'use', kid: `kid-${n}` });
      events.emit('upstream.renewed', { sessionId: `session-${n}`, provider: `provider-${n}` });
      return [
        { path: `/path-${n}`, headers },
        { path: '/api/me', headers: { ...headers, ...bearer({ access_token }) } },
        { path: '/api/auth/refresh', headers, body: { refresh_token: `junk-${n}` } },
      ];
    };
    await sendPipelined(origin, visit(0));
    const before = await series('latchkey.events');
    const visits = Array.from({ length: 199 }, (_, i) => visit(i + 1));
    const statuses = await sendPipelined(origin, visits.flat());
    expect(statuses).toEqual(visits.flatMap(() => [404, 401, 401]));
    const after = await series('latchkey.events');
    expect(after).toHaveLength(before.length);
    expect(after).toContainEqual([200, { 'latchkey.event.name': 'login.succeeded' }]);
    expect(JSON.stringify(after)).not.toMatch(/-\d|10\.0\.|overflow/);
  });

  it('holds no token, password, name, address or session id', async () => {
    const server = await start();
    const { id } = await addUser(server, { username: 'alice', email: 'alice@mail.example' });
    const address = { 'x-forwarded-for': '203.0.113.9' };
    const wrong = { username: 'alice', password: 'not her password' };
    const tokens = await server.signIn('alice');
    const { access_token, refresh_token } = tokens;
    await server.post('/api/auth/login', wrong, address);
    await server.get('/api/me', { ...address, ...bearer(tokens) });
    await server.get('/api/me', { ...address, ...bearer({ access_token: `${access_token}x` }) });
    await server.post('/api/auth/refresh', { refresh_token }, address);
    const { sessionId = 'none' } = await server.auth.verifier.verify(access_token);
    const spans = await requestSpans(server, 5);
    const text = JSON.stringify([spans, await server.metricsNow()]);
    expect(text).toContain(id);
    const secrets = [
      access_token,
      refresh_token,
      wrong.password,
      'alice',
      '203.0.113.9',
      sessionId,
    ];
    expect(secrets.filter((secret) => text.includes(secret))).toEqual([]);
  });
});

const schema = createPostgresSchema();
const places = [
  { name: 'memory', open: memoryStore, isAway: false },
  {
    name: 'PostgreSQL, where many attempts are counted by one statement',
    open: () => openStore(schema.url),
    isAway: await isMissing('PostgreSQL', postgresUrl),
  },
];

describe.each(places)('events with a store in $name', ({ open, isAway }) => {
  beforeAll(() => schema.create());
  afterAll(() => schema.drop());

  it.skipIf(isAway)('belong to the spans of their own requests, of many at once', async () => {
    const server = await start({ store: open() });
    await addUser(server);
    const sessions = await Promise.all([1, 2, 3, 4].map(() => server.signIn('alice')));
    const wrong = { username: 'alice', password: 'not her password' };
    const login = (body: object) => (headers: Record<string, string>) =>
      server.post('/api/auth/login', body, headers);
    const refresh = (refresh_token: string) => (headers: Record<string, string>) =>
      server.post('/api/auth/refresh', { refresh_token }, headers);
    const kinds = sessions.flatMap(({ refresh_token }) => [
      { send: login(wrong), event: 'latchkey.login.failed' },
      { send: refresh(refresh_token), event: 'latchkey.refresh.rotated' },
      { send: refresh('junk'), event: 'latchkey.refresh.refused' },
      {
        send: (headers: Record<string, string>) =>
          server.get('/api/me', { ...headers, ...bearer({ access_token: 'junk' }) }),
        event: 'latchkey.token.refused',
      },
    ]);
    const sent = kinds.map(({ send, event }) => ({ event, send, trace: newTrace() }));
    await Promise.all(sent.map(({ send, trace: { headers } }) => send(headers)));
    const spans = await requestSpans(server, sessions.length + sent.length);
    expect(
      sent.map(({ trace: { id } }) => spans.find(({ traceId }) => traceId === id)?.events),
    ).toEqual(sent.map(({ event }) => [event]));
  });
});
