import type { Response } from 'express';
import type { RouterParts } from '../parts.js';

/**
 * Begins work when the reply has been sent, so that its time tells nothing of what the work finds. A failure is left to the
 * events of the store and of `sendMail`: whoever gets no mail asks again.
 */
export function afterReply(
  { inBackground }: Pick<RouterParts, 'inBackground'>,
  res: Response,
  work: () => Promise<unknown>,
): void {
  const replied = res.closed
    ? Promise.resolve()
    : new Promise<void>((resolve) => res.once('close', resolve));
  inBackground(replied.then(work).catch(() => undefined));
}
