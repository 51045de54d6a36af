import type { HeldToken } from './held-token.js';

/**
 * As much of a browser as the client uses, if there is one: in Node most of it is missing, and in a page some. A name of its own for each,
 * so that projects without the types of browsers compile what imports the client.
 */
interface Browser {
  readonly fetch: typeof globalThis.fetch;
  readonly navigator?: {
    readonly locks?: {
      request<T>(
        name: string,
        options: { readonly signal: AbortSignal },
        held: () => Promise<T>,
      ): Promise<T>;
    };
  };
  /** Says that this is a page. */
  readonly document?: object;
  readonly location?: { readonly href: string; assign?(url: string): void };
  readonly addEventListener?: (
    type: 'pagehide' | 'pageshow',
    listener: (event: { readonly persisted?: boolean }) => void,
    options: { readonly signal: AbortSignal },
  ) => void;
  /** Throws where there is none. */
  readonly BroadcastChannel: new (name: string) => Channel;
  readonly indexedDB?: KeyDatabases;
}

export const browser: Browser = globalThis;

export interface Channel {
  addEventListener(type: 'message', listener: (event: Message) => void): void;
  postMessage(message: unknown): void;
  close(): void;
  /** Of Node, whose processes a channel keeps alive. */
  unref?(): void;
}

/** Of a client in another tab, which may be of another version. */
interface Message {
  readonly type: string;
  readonly data?: HeldToken;
}

/** Of IndexedDB, which keeps keys that no script can read. */
export interface IdbRequest<T> {
  readonly result: T;
  addEventListener(type: 'success' | 'error' | 'upgradeneeded', listener: () => void): void;
}

export interface KeyDatabases {
  open(name: string): IdbRequest<KeyDatabase>;
}

interface KeyDatabase {
  close(): void;
  createObjectStore(name: string): unknown;
  transaction(
    names: string,
    mode: 'readwrite',
  ): {
    objectStore(name: string): {
      get(name: string): IdbRequest<unknown>;
      put(value: unknown, name: string): IdbRequest<unknown>;
    };
  };
}
