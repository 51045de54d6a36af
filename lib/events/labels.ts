import type { AuthEventName, AuthEvents } from './auth-events.js';

/** A member that takes few values, all of them fixed words. */
export type EventLabel =
  | 'by'
  | 'change'
  | 'code'
  | 'hook'
  | 'kind'
  | 'limit'
  | 'operation'
  | 'reason';

/**
 * Of each event the members that may be labels of a metric: fixed words of ours. What users, clients and providers choose, such as
 * ids, addresses, issuers and names of providers, is no label. Neither is `by` where it is the id of a user.
 */
export const eventLabels: {
  readonly [Name in AuthEventName]: readonly (EventLabel & keyof AuthEvents[Name])[];
} = Object.freeze({
  'token.refused': ['code', 'reason'],
  'access.denied': ['code'],
  'keys.fetched': [],
  'keys.failed': ['reason'],
  'keys.skipped': ['reason'],
  'introspection.failed': ['reason'],
  'hook.failed': ['hook'],
  'login.succeeded': [],
  'login.failed': ['reason'],
  'identity.linked': ['by'],
  'identity.unlinked': ['by'],
  'api_key.created': [],
  'api_key.revoked': ['by'],
  'logout.backchannel': [],
  'logout.refused': ['reason'],
  'upstream.renewed': [],
  'upstream.failed': ['reason'],
  'rate.limited': ['limit'],
  'refresh.rotated': [],
  'refresh.refused': ['reason'],
  'refresh.reused': [],
  'session.revoked': ['reason'],
  'password.changed': ['reason'],
  'password.reset_requested': [],
  'email.change_requested': [],
  'mailed_token.refused': ['kind', 'reason'],
  'sign_up.requested': [],
  'password.hash_broken': [],
  'user.changed': ['change'],
  'impersonation.started': [],
  'impersonation.ended': ['reason'],
  'impersonation.refused': ['reason'],
  'token.issued': [],
  'client.refused': ['reason'],
  'service_account.changed': ['change'],
  'org.created': [],
  'org.changed': ['change'],
  'org.deleted': [],
  'org.member_added': [],
  'org.member_changed': [],
  'org.member_removed': [],
  'org.invited': [],
  'org.invitation_withdrawn': [],
  'store.failed': ['operation', 'reason'],
});

/** Every event there is, for listeners to all of them. */
export const eventNames: readonly AuthEventName[] = Object.freeze(
  Object.keys(eventLabels).filter(isEventName),
);

export function isEventName(name: string): name is AuthEventName {
  return Object.hasOwn(eventLabels, name);
}

/**
 * Returns the labels of an event for a metric, by {@link eventLabels}. Those that the event leaves open are left out; `other` stands for
 * what is no word, such as a reason that the application gave to `auth.sessions.revoke()`.
 *
 * @example
 * ```ts
 * for (const name of eventNames)
 *   auth.on(name, (event) => console.log({ event: name, ...labelsOf(name, event) }));
 * ```
 */
export function labelsOf(
  name: AuthEventName,
  event: AuthEvents[AuthEventName],
): Readonly<Partial<Record<EventLabel, string>>> {
  const facts = new Map<string, unknown>(Object.entries(event));
  const labels: Partial<Record<EventLabel, string>> = {};
  for (const label of eventLabels[name]) {
    const word = facts.get(label);
    if (typeof word === 'string') labels[label] = isWord(word) ? word : 'other';
  }
  return labels;
}

/** Words as our reasons, codes and operations are, and no ids, which have digits. */
function isWord(text: string): boolean {
  return text.length <= 40 && /^[a-z]+(?:[._]?[a-z]+)*$/i.test(text);
}
