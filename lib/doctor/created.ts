import diagnosticsChannel from 'node:diagnostics_channel';
import type { Config, ConfigOrigins } from '../config/config.js';
import type { Store } from '../stores/store.js';
import type { AuthRouterOptions } from '../router/parts.js';
import type { Verifier } from '../verifier/verifier.js';

/** The authentication of an application that is loaded to be inspected. */
export interface CreatedAuth {
  readonly config: Config;
  readonly origins: ConfigOrigins;
  readonly verifier: Verifier;
  /** Undefined where users are not signed in here. */
  readonly store: Store | undefined;
  /** Whether the store was passed in code, so that AUTH_STORE_URL says nothing of it. */
  readonly hasOwnStore: boolean;
  /** Options of each router so far. The application goes on adding. */
  readonly routers: readonly AuthRouterOptions[];
  /** `createAuth({ basePath })`. */
  readonly basePath: string | undefined;
  /** Where links of guards and mails lead before the first request; undefined in releases before 0.11. */
  readonly routerPath?: () => string;
  /** `createAuth({ providerFetch })`. */
  readonly providerFetch: typeof fetch | undefined;
  /** The same for all that one copy of the package has made. */
  readonly copy: object;
  close(): Promise<void>;
}

// By name and not in a variable of this module: `npx latchkey` and the application may each have a copy of the package.
const CHANNEL = diagnosticsChannel.channel('latchkey:created');

const COPY = Object.freeze({});

/** Tells those who inspect. Without any, as in production, it costs nothing. */
export function announceCreated(created: Omit<CreatedAuth, 'copy'>): void {
  if (CHANNEL.hasSubscribers) CHANNEL.publish({ ...created, copy: COPY } satisfies CreatedAuth);
}

/** Hears of every `createAuth()` in this process from now on. Returns what ends that. */
export function onCreated(listener: (created: CreatedAuth) => void): () => void {
  const hear = (message: unknown): void => {
    // Only announceCreated() publishes there, at worst that of another version.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    listener(message as CreatedAuth);
  };
  CHANNEL.subscribe(hear);
  return () => {
    CHANNEL.unsubscribe(hear);
  };
}
