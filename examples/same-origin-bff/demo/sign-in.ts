import express, { type Express } from 'express';
import type { AuthOptions } from 'latchkey';
import { createLocalProvider } from '../../quickstart/login-provider.js';
import { createDemoIssuer } from './issuer.js';

/** Stands for the company's OpenID provider and for the variables of an application below `origin`. */
export async function createDemo(origin: string) {
  const { jwt, sign } = createDemoIssuer();
  const provider = await createLocalProvider('corp', 'Example Corp', origin);
  return {
    settings: {
      publicUrl: origin,
      jwt,
      oidc: { default: provider.settings },
    } satisfies AuthOptions,
    /** The application, with the provider below the same origin. */
    beside: (app: Express): Express => express().use('/corp', provider.handle).use(app),
    /** What clients had before there was a log-in. */
    formerToken: () => sign('ada', 'data.read'),
  };
}
