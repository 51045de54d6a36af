import { type Attributes, context, metrics, type Span } from '@opentelemetry/api';
import { core } from '@opentelemetry/sdk-node';
import type { RequestHandler } from 'express';
import { type Auth, type AuthEventName, type AuthEvents, optionalPrincipalOf } from 'latchkey';
import { eventLabels, eventNames, labelsOf } from 'latchkey';

/** Counts the events of `auth`, and observes its status. Call it when the SDK has started: before, there is nothing to count with. */
export function observe(auth: Auth): void {
  const note = createEventCounter();
  for (const name of eventNames) auth.on(name, (event) => note(name, event));
  const meter = metrics.getMeter('latchkey');
  const status = meter.createObservableGauge('latchkey.status');
  const issuers = meter.createObservableUpDownCounter('latchkey.issuer.count', {
    unit: '{issuer}',
  });
  meter.addBatchObservableCallback(
    async (result) => {
      const now = await auth.status();
      for (const state of ['ready', 'degraded', 'unavailable'])
        result.observe(status, Number(now.status === state), { 'latchkey.status.state': state });
      for (const state of ['current', 'stale', 'missing']) {
        const count = now.issuers.filter(({ keys }) => keys === state).length;
        result.observe(issuers, count, { 'latchkey.key.state': state });
      }
    },
    [status, issuers],
  );
}

/** Returns what counts an event by its fixed words, and puts them on the span of its request. */
export function createEventCounter() {
  const events = metrics.getMeter('latchkey').createCounter('latchkey.events', {
    description: 'Events of authentication, by name and by fixed words.',
    unit: '{event}',
  });
  // From the start, so that rates see the first one, too. Words make series of their own.
  for (const name of eventNames)
    if (eventLabels[name].length === 0) events.add(0, { 'latchkey.event.name': name });
  return function note(name: AuthEventName, event: AuthEvents[AuthEventName]): void {
    const words = labelsOf(name, event);
    events.add(1, { 'latchkey.event.name': name, ...prefixed('latchkey.event', words) });
    const isPlain = eventLabels[name].length === 0;
    const facts = isPlain ? { [`latchkey.${name}`]: true } : prefixed(`latchkey.${name}`, words);
    requestSpan()?.setAttributes(facts);
  };
}

/** Says on the span of each request who sent it. Mount it first: who it was is known when the response ends. */
export function nameCaller(): RequestHandler {
  return function nameCallerMiddleware(req, res, next) {
    const span = requestSpan();
    // Before the listener that ends the span.
    res.prependOnceListener('close', () => span?.setAttributes(callerOf(req)));
    next();
  };
}

/** Never a name or an e-mail address: some issuers have such for a subject. */
function callerOf(req: object): Attributes {
  const { method, subject, clientId, actor } = optionalPrincipalOf(req) ?? {};
  const isUser = subject !== clientId && !subject?.includes('@');
  return {
    'enduser.pseudo.id': isUser ? subject : undefined,
    'latchkey.method': method,
    'latchkey.client.id': clientId,
    'latchkey.actor.id': actor?.subject,
  };
}

/** The server's span of the request under way, while it lasts: instrumentation of Express makes others the active one. */
function requestSpan(): Span | undefined {
  const span = core.getRPCMetadata(context.active())?.span;
  return span?.isRecording() ? span : undefined;
}

function prefixed(prefix: string, words: Readonly<Record<string, string>>): Attributes {
  return Object.fromEntries(Object.entries(words).map(([key, word]) => [`${prefix}.${key}`, word]));
}
