import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';
import cors from 'cors';
import type { Request, RequestHandler } from 'express';
import { expressjwt } from 'express-jwt';
import { createVerifier } from 'fast-jwt';
import helmet from 'helmet';
import { jwtVerify } from 'jose';
import type { Stack } from './stack.js';
import type { Trust } from './trust.js';

/** The key as other libraries like it: parsed once. */
export function keyObjectOf({ keys }: Trust): KeyObject {
  if ('secret' in keys) return createSecretKey(keys.secret, 'utf8');
  const [key] = 'jwks' in keys ? keys.jwks.keys : [];
  if (key === undefined) throw new TypeError('this guard needs its key at hand');
  return createPublicKey({ key, format: 'jwk' });
}

export function expressJwt(trust: Trust): Stack {
  const { issuer, audience, algorithm } = trust;
  // jsonwebtoken knows no EdDSA.
  const algorithms = [algorithm === 'EdDSA' ? 'ES256' : algorithm] as const;
  return {
    handlers: [
      expressjwt({ secret: keyObjectOf(trust), algorithms: [...algorithms], issuer, audience }),
    ],
  };
}

interface BearerPackage {
  readonly auth: (options: Readonly<Record<string, unknown>>) => RequestHandler;
}

export async function expressOauth2JwtBearer(trust: Trust): Promise<Stack> {
  // In a variable, because the package's types claim `req.auth` for every program that loads them.
  const specifier: string = 'express-oauth2-jwt-bearer';
  const { auth } = (await import(specifier)) as BearerPackage;
  const { issuer, audience, algorithm, keys } = trust;
  const source = 'jwks' in keys ? { publicKey: keys.jwks } : keys;
  return { handlers: [auth({ issuer, audience, tokenSigningAlg: algorithm, ...source })] };
}

export function fastJwt(trust: Trust): Stack {
  const key = keyObjectOf(trust);
  const verify = createVerifier({
    key: 'secret' in trust.keys ? trust.keys.secret : key.export({ type: 'spki', format: 'pem' }),
    algorithms: [trust.algorithm],
    allowedIss: trust.issuer,
    allowedAud: trust.audience,
    cache: 20_000,
  });
  return {
    handlers: [
      (req, res, next) => {
        try {
          res.locals['claims'] = verify(bearerOf(req));
        } catch {
          res.status(401).end();
          return;
        }
        next();
      },
    ],
  };
}

export function joseByHand(trust: Trust): Stack {
  const { issuer, audience, algorithm } = trust;
  const key = keyObjectOf(trust);
  const options = { issuer, audience, algorithms: [algorithm] };
  return {
    handlers: [
      async (req, res, next) => {
        try {
          res.locals['claims'] = (await jwtVerify(bearerOf(req), key, options)).payload;
        } catch {
          res.status(401).end();
          return;
        }
        next();
      },
    ],
  };
}

function bearerOf({ headers }: Request): string {
  return headers.authorization?.slice('Bearer '.length) ?? '';
}

export function helmetAndCors(): Stack {
  return { handlers: [helmet(), cors()] };
}

export async function helmetCorsAndBearer(trust: Trust): Promise<Stack> {
  const bearer = await expressOauth2JwtBearer(trust);
  return { handlers: [...helmetAndCors().handlers, ...bearer.handlers] };
}
