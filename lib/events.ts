import diagnosticsChannel from 'node:diagnostics_channel';
import { isPromise } from 'node:util/types';
import type { AuthEventName, AuthEvents } from './events/auth-events.js';
import { eventNames, isEventName } from './events/labels.js';
import { didYouMean, nearestNames } from './known-options.js';

/** May be asynchronous: nothing waits for it. */
export type AuthEventListener<Name extends AuthEventName> = (event: AuthEvents[Name]) => unknown;

/** Takes events. */
export interface EventSink {
  emit<Name extends AuthEventName>(name: Name, event: AuthEvents[Name]): void;
}

export interface Events extends EventSink {
  /**
   * Adds a listener. Returns the function that removes it, which may be called at any time, also by the listener itself. A listener that
   * was added twice is told twice. Throws a TypeError for an event that doesn't exist.
   */
  on<Name extends AuthEventName>(name: Name, listener: AuthEventListener<Name>): () => void;
}

interface Listening {
  readonly listener: (event: never) => unknown;
}

/**
 * A typed event source. Each event also goes to the `diagnostics_channel` named `latchkey:<event>`. Events are frozen: no listener
 * changes what another one sees. A listener that throws or rejects is reported as a process warning; it never changes the answer to
 * a request.
 */
export function createEvents(): Events {
  const listeners = new Map<string, Set<Listening>>();
  return Object.freeze({
    on<Name extends AuthEventName>(name: Name, listener: AuthEventListener<Name>) {
      refuseUnknownEvent(name);
      if (typeof listener !== 'function')
        throw new TypeError(`auth.on('${name}') takes a function that is told of each event`);
      const ofName = listeners.get(name) ?? new Set();
      const listening = { listener };
      listeners.set(name, ofName.add(listening));
      return () => void ofName.delete(listening);
    },
    emit<Name extends AuthEventName>(name: Name, event: AuthEvents[Name]) {
      Object.freeze(event);
      const channel = diagnosticsChannel.channel(`latchkey:${name}`);
      if (channel.hasSubscribers) channel.publish(event);
      const ofName = listeners.get(name);
      // A copy: a listener that adds another one would otherwise never come to an end.
      for (const listening of [...(ofName ?? [])])
        if (ofName?.has(listening)) tell(name, listening, event);
    },
  });
}

/** A misspelt name would never be told of anything. */
function refuseUnknownEvent(name: unknown): void {
  const text = typeof name === 'string' ? name : '';
  if (isEventName(text)) return;
  const cure = didYouMean(nearestNames(text, eventNames)) ?? '`eventNames` has them all';
  throw new TypeError(`auth.on() knows no event ${JSON.stringify(name)}; ${cure}`);
}

function tell(name: string, { listener }: Listening, event: unknown): void {
  const report = (what: string) => (error: unknown) => {
    const message = error instanceof Error ? error.message : 'not an Error';
    process.emitWarning(`a listener of '${name}' ${what}: ${message}`, 'LatchkeyWarning');
  };
  try {
    // A name's listeners are only ever told that name's events; a map by name cannot say so in types.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const told: unknown = listener(event as never);
    // Of any realm: Jest's is another one.
    if (isPromise(told)) told.catch(report('rejected'));
  } catch (error) {
    report('threw')(error);
  }
}
