import type { AuthEventName, AuthEvents } from '../../lib/events/auth-events.js';
import type { EventSink } from '../../lib/events.js';

export interface EventLog extends EventSink {
  /** What was emitted under this name, in order. */
  of<Name extends AuthEventName>(name: Name): readonly AuthEvents[Name][];
  /** Everything as text, to search for what must not be there. */
  text(): string;
}

/** Keeps every event, so that a test can tell why something was refused. */
export function createEventLog(): EventLog {
  const entries: { name: AuthEventName; event: unknown }[] = [];
  return {
    emit: (name, event) => void entries.push({ name, event }),
    of: <Name extends AuthEventName>(name: Name) =>
      entries.filter((entry) => entry.name === name).map(({ event }) => event as AuthEvents[Name]),
    text: () => JSON.stringify(entries),
  };
}
