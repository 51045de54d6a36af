import type { EventSink } from '../events.js';
import { isRecord } from '../is-record.js';
import {
  type ProviderClient,
  renewalTime,
  type UpstreamTokens,
} from '../providers/login-provider.js';
import type { RootKeys } from '../secrets/derived-keys.js';
import { createSealer, TooLongToSealError } from '../secrets/sealing.js';
import type { Session } from '../stores/store.js';
import { readNotes } from './session-notes.js';

export interface KeepingContext {
  readonly keys: RootKeys;
  readonly events: EventSink;
  /** Absolute lifetime of a session, and of its sealed tokens. */
  readonly lifeSeconds: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export interface KeptTokens extends UpstreamTokens {
  /** Milliseconds since 1970; undefined for the tokens of the sign-in. */
  readonly renewedAt?: number | undefined;
}

/** Characters, sealed: some 96 kB of tokens. ID tokens and access tokens with 200 groups have up to 20 kB each. */
export const MAX_SEALED_TOKENS = 131_072;
/** Of an access token whose provider doesn't say, and gives a refresh token. Where it is shorter there is `force`. */
const ASSUMED_LIFE_SECONDS = 3600;

/** Seals and opens the tokens of providers, as they are kept in sessions. */
interface TokenKeeper {
  seal(
    tokens: KeptTokens,
    facts: { readonly provider: string; readonly sessionId?: string },
  ): Promise<string>;
  /** Undefined for what can't be opened; `too_large` where tokens could not be kept. */
  open(sealed: string): Promise<KeptTokens | 'too_large' | undefined>;
  /** The ID token of a session, for the provider that it came from; undefined for any other. */
  idTokenFor(client: ProviderClient, session: Session): Promise<string | undefined>;
}

export function createKeptTokens({ keys, now, events, lifeSeconds }: KeepingContext): TokenKeeper {
  const sealer = createSealer(keys, 'upstream tokens', { now, maxLength: MAX_SEALED_TOKENS });
  return {
    async seal(tokens, facts): Promise<string> {
      try {
        return await sealer.seal(withRenewal(tokens, now()), lifeSeconds);
      } catch (error) {
        if (!(error instanceof TooLongToSealError)) throw error;
        events.emit('upstream.failed', { ...facts, reason: 'too_large' });
        return sealer.seal('too_large', lifeSeconds);
      }
    },
    open,
    async idTokenFor(client: ProviderClient, session: Session): Promise<string | undefined> {
      const { upstream } = readNotes(session.data);
      const tokens = upstream === undefined ? undefined : await open(upstream);
      if (tokens === undefined || tokens === 'too_large') return undefined;
      return isFrom(client, { tokens, session }) ? tokens.idToken : undefined;
    },
  };

  async function open(sealed: string): Promise<KeptTokens | 'too_large' | undefined> {
    const value = await sealer.open(sealed);
    return value === 'too_large' ? value : readTokens(value);
  }
}

/** A provider that names no lifetime, and gives a refresh token, has one all the same (RFC 6749 §5.1). */
function withRenewal(tokens: KeptTokens, now: number): KeptTokens {
  if (tokens.renewAt !== undefined || tokens.refreshToken === undefined) return tokens;
  return { ...tokens, renewAt: renewalTime(ASSUMED_LIFE_SECONDS, now) };
}

/** Whether the tokens of a session came from this client's issuer, and are this client's. */
export function isFrom(
  { issuer, clientId }: ProviderClient,
  { tokens: { client }, session }: { readonly tokens: KeptTokens; readonly session: Session },
): boolean {
  if (client) return client.issuer === issuer && client.clientId === clientId;
  return session.provider?.issuer === issuer;
}

function readTokens(value: unknown): KeptTokens | undefined {
  if (!isRecord(value) || typeof value['accessToken'] !== 'string') return undefined;
  const { accessToken, renewAt, renewedAt, refreshToken, idToken, client } = value;
  return {
    accessToken,
    renewAt: typeof renewAt === 'number' ? renewAt : undefined,
    renewedAt: typeof renewedAt === 'number' ? renewedAt : undefined,
    refreshToken: typeof refreshToken === 'string' ? refreshToken : undefined,
    idToken: typeof idToken === 'string' ? idToken : undefined,
    client: readClient(client),
  };
}

function readClient(value: unknown): ProviderClient | undefined {
  const { issuer, clientId } = isRecord(value) ? value : {};
  return typeof issuer === 'string' && typeof clientId === 'string'
    ? { issuer, clientId }
    : undefined;
}
