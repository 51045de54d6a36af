import type { Request, RequestHandler, Response } from 'express';

/** What one endpoint does. A rejection goes to the error handlers. */
export type Endpoint = (req: Request, res: Response) => Promise<void>;

/** Runs a middleware inside an endpoint. Rejects with what it passes on. */
export function runMiddleware(
  middleware: RequestHandler,
  req: Request,
  res: Response,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const next = (error?: unknown): void => {
      if (error === undefined) resolve();
      else reject(error);
    };
    Promise.resolve(middleware(req, res, next)).catch(reject);
  });
}
