import { setTimeout as wait } from 'node:timers/promises';
import { AuthError } from 'latchkey';

/**
 * Sends a request until it is not answered with 503, after each pause that the answer asks for, as a good client does: a machine
 * that is busy for longer than the store's patience makes an answer 503, and nothing is lost by that.
 */
export async function comeAgain(send: () => Promise<Response>): Promise<Response> {
  for (;;) {
    const answer = await send();
    if (answer.status !== 503) return answer;
    await wait(Number(answer.headers.get('retry-after') ?? 1) * 1000);
  }
}

/** The same for calls in code. */
export async function callAgain<Result>(call: () => Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof AuthError) || error.code !== 'STORE_UNAVAILABLE') throw error;
      await wait(100);
    }
  }
}
