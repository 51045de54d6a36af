/** What the bench asks an instance of the application. */
export type InstanceQuestion =
  | { readonly type: 'start'; readonly storeUrl: string; readonly secret: string }
  /** How late the event loop has been since this was asked last. */
  | { readonly type: 'lag' }
  /** How often each event was emitted. */
  | { readonly type: 'events' }
  /** Revokes the sessions of the users with these numbers, from 0 on. */
  | { readonly type: 'revoke'; readonly users: number }
  /** Answers when all sessions with these numbers, from 0 on, are refused here. */
  | { readonly type: 'refuse'; readonly sessions: number };

export interface Lag {
  readonly p99Ms: number;
  readonly maxMs: number;
}

export type InstanceAnswer =
  | { readonly type: 'started'; readonly origin: string }
  | { readonly type: 'lag'; readonly lag: Lag }
  | { readonly type: 'events'; readonly events: Readonly<Record<string, number>> }
  | { readonly type: 'revoked'; readonly tries: number }
  /** `at` by the clock of the machine. */
  | { readonly type: 'refused'; readonly at: number }
  | { readonly type: 'failed'; readonly error: string };

/** Several questions may be open at once. */
export interface Numbered<Message> {
  readonly number: number;
  readonly message: Message;
}
