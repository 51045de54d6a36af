import type { HttpBrowser, Page } from './http-browser.js';

/** For `browser.open()`: refusals come as problem documents, which have a code, in the place of pages. */
export const AS_SCRIPT = { 'sec-fetch-mode': 'cors' } as const;

export interface SignedInUser {
  readonly id: string;
  readonly username?: string;
  readonly email?: string;
  readonly roles: readonly string[];
}

/** The user of this browser's session; undefined without a session. */
export async function userOf(
  browser: HttpBrowser,
  origin: string,
): Promise<SignedInUser | undefined> {
  const { body } = await browser.fetch(`${origin}/api/auth/session`);
  const { user } = JSON.parse(body) as { readonly user?: SignedInUser };
  return user;
}

/** An access token of this browser's session. */
export async function accessTokenOf(browser: HttpBrowser, origin: string): Promise<string> {
  const { status, body } = await browser.fetch(`${origin}/api/auth/refresh`, { json: {} });
  if (status !== 200) throw new Error(`refresh answered ${status}`);
  const { access_token: token } = JSON.parse(body) as { readonly access_token: string };
  return token;
}

/** Status and code of a refusal. */
export function refusalOn({ status, body }: Pick<Page, 'status' | 'body'>): {
  readonly status: number;
  readonly code: unknown;
} {
  const { code } = JSON.parse(body) as { readonly code?: unknown };
  return { status, code };
}

/** The same of a response. */
export async function refusalIn(response: Response): Promise<ReturnType<typeof refusalOn>> {
  return refusalOn({ status: response.status, body: await response.text() });
}

/** What an application must know of itself to sign users in at a provider. */
export function clientAt({ issuer, clientId, clientSecret }: Client): Client {
  return { issuer, clientId, clientSecret };
}

interface Client {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
}
