import type { RequestHandler } from 'express';
import type { Parts } from '../parts.js';

/** A route as the controllers write it. */
export interface Action {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly url: string;
  readonly middlewares?: readonly RequestHandler[];
  readonly handler: (...args: Parameters<RequestHandler>) => Promise<void>;
}

/** A file of the folder of controllers. */
export type Controller = (parts: Parts) => Readonly<Record<string, Action>>;
