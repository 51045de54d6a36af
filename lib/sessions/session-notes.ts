import { isRecord } from '../is-record.js';

/** What we keep of a session beside what the store must look into. */
export interface SessionNotes {
  /** How the user proved who they are (RFC 8176): `pwd`, … */
  readonly amr: readonly string[];
  /** When they did. Seconds since 1970; undefined where their identity provider doesn't say. */
  readonly authTime: number | undefined;
  /** Authentication context class (OpenID Connect Core §2). */
  readonly acr: string | undefined;
  /** What the user will recognise the device by, such as `Firefox on Linux`. */
  readonly device: string | undefined;
  /** How the refresh token travels. What came by cookie never leaves in a body. */
  readonly delivery: 'body' | 'cookie';
  /** Name of the identity provider that the user signed in with. */
  readonly provider?: string | undefined;
  /** Its tokens, sealed. */
  readonly upstream?: string | undefined;
}

export function writeNotes(notes: SessionNotes): string {
  return JSON.stringify(notes);
}

/** Reads what {@link writeNotes} wrote. Throws for anything else: a store must not change it. */
export function readNotes(data: string): SessionNotes {
  const notes: unknown = JSON.parse(data);
  if (!isRecord(notes)) throw new TypeError("a session's data is not what was stored");
  const { amr, authTime, acr, device, delivery, provider, upstream } = notes;
  return {
    amr: Array.isArray(amr) ? amr.filter((method) => typeof method === 'string') : [],
    authTime: typeof authTime === 'number' ? authTime : undefined,
    acr: typeof acr === 'string' ? acr : undefined,
    device: typeof device === 'string' ? device : undefined,
    delivery: delivery === 'cookie' ? 'cookie' : 'body',
    provider: typeof provider === 'string' ? provider : undefined,
    upstream: typeof upstream === 'string' ? upstream : undefined,
  };
}
