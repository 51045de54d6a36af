import { createProofCheck, type ProofCheck } from '../authenticate/dpop/proof-check.js';
import { createProofNonces, type ProofNonces } from '../authenticate/dpop/proof-nonces.js';
import type { ProofSurroundings } from '../authenticate/dpop/guard-proofs.js';
import type { Config } from '../config/config.js';
import type { Events } from '../events.js';
import { createRootKeys } from '../secrets/derived-keys.js';
import { scheduleSweeps } from '../sessions/schedule-sweeps.js';
import type { SignIn } from '../sign-in.js';
import { openStore } from '../stores/open-store.js';
import { steadyStore } from '../stores/steady/steady-store.js';
import type { OnceStore, Store } from '../stores/store.js';

interface ProofParts {
  /** Undefined for an application that only verifies tokens. */
  readonly signIn: SignIn | undefined;
  /** The application's own store. @defaultValue the store of AUTH_STORE_URL */
  readonly store: Store | undefined;
  /** Protection space in challenges. */
  readonly realm: string;
  readonly events: Events;
  readonly now: () => number;
}

/** The check of DPoP proofs of an application. */
interface ApplicationProofs {
  /**
   * What guards know. The first call of `proofs()` prepares the store that remembers proofs, also where tokens are only verified; it
   * throws a TypeError when no address is known that proofs may be for.
   */
  readonly context: Required<ProofSurroundings>;
  /** Resolves when that store answers. */
  ready(): Promise<void>;
  close(): Promise<void>;
}

export function applicationProofs(config: Config, parts: ProofParts): ApplicationProofs {
  const { signIn, realm, now } = parts;
  const { publicUrl, dpop, clockToleranceSeconds } = config;
  let opened: OpenedStore | undefined;
  let check: ProofCheck | undefined;

  function remembering(): Pick<OnceStore, 'add'> {
    if (signIn) return signIn.store.once;
    opened ??= openProofStore(config, parts);
    return opened.store.once;
  }

  function proofs(): ProofCheck {
    if (publicUrl === undefined && dpop.origins.length === 0)
      throw new TypeError(
        '`dpop` needs to know where clients call this application: set AUTH_PUBLIC_URL or AUTH_DPOP_ORIGINS',
      );
    const { origins, proofTtlSeconds } = dpop;
    check ??= createProofCheck({
      ...{ publicUrl, origins, proofTtlSeconds, clockToleranceSeconds },
      ...{ once: remembering(), nonces: noncesOf(config, parts), realm, now },
    });
    return check;
  }

  return {
    context: { dpop: dpop.mode, proofs },
    ready: async () => opened?.store.ping(),
    close: async () => opened?.close(),
  };
}

function noncesOf(
  { dpop, secret, secretPrevious }: Config,
  { now }: ProofParts,
): ProofNonces | undefined {
  const lifeSeconds = dpop.nonceTtlSeconds;
  if (lifeSeconds === undefined) return undefined;
  if (secret === undefined) throw new TypeError('nonces for DPoP are made with AUTH_SECRET');
  const rootKeys = createRootKeys([secret, ...secretPrevious]);
  return createProofNonces({ rootKeys, lifeSeconds, now });
}

interface OpenedStore {
  readonly store: Store;
  close(): Promise<void>;
}

/** For an application without sessions: of its store, only what is used once. */
function openProofStore(
  { production, store: { url }, accessTtlSeconds }: Config,
  { store: given, events, now }: ProofParts,
): OpenedStore {
  if (production && !given && url === 'memory:')
    process.emitWarning(
      'the store is memory: – another instance, or this one after a restart, takes a DPoP proof that was used before',
      'LatchkeyWarning',
    );
  const store = steadyStore(given ?? openStore(url), { events, now });
  // The sessions and credentials may be another application's.
  const nothing = { sweep: async () => 0 };
  const kept = { sessions: nothing, credentials: nothing };
  const sweeps = scheduleSweeps({ ...kept, once: store.once, accessTtlSeconds, now });
  return {
    store,
    async close(): Promise<void> {
      sweeps.stop();
      if (!given) await store.close();
    },
  };
}
