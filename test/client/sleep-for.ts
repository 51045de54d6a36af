import { vi } from 'vitest';

/** Moves the clock of client and server on, as a laptop's sleep does. */
export function sleepFor(seconds: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + seconds * 1000 });
}
