import { Refusal } from './refusal.js';

/** The members of a JSON body, which may still be anything. */
export function membersOf(body: unknown): Readonly<Record<string, unknown>> {
  if (typeof body === 'object' && body !== null && !Array.isArray(body))
    return Object.fromEntries(Object.entries(body));
  throw new Refusal(400, 'The body is a JSON object');
}
