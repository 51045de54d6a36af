import type { Request } from 'express';

/** Calls the quickstart's own API for a page: as whoever asked for the page, with their cookie. */
export async function callOwnApi(
  req: Request,
  path: `/api/${string}`,
  method: 'GET' | 'POST' = 'GET',
): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${req.socket.localPort ?? 80}${path}`, {
    method,
    headers: {
      ...(req.headers.cookie !== undefined && { cookie: req.headers.cookie }),
      // The page of ours that asks has proven itself to our own guard.
      'Sec-Fetch-Site': 'same-origin',
    },
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}
