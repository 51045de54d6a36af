import type { Response } from 'express';

/** Adds a field to `Vary` (RFC 9110 §12.5.5) and keeps what earlier middlewares put there. */
export function addVary(res: Response, field: string): void {
  // Nearly always the first: that path skips parsing.
  if (res.hasHeader('Vary')) res.vary(field);
  else res.setHeader('Vary', field);
}
