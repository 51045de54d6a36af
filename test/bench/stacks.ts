import { ourGuard, ourHeaders, ourWholeStack } from './ours.js';
import {
  expressJwt,
  expressOauth2JwtBearer,
  fastJwt,
  helmetAndCors,
  helmetCorsAndBearer,
  joseByHand,
} from './peers.js';
import type { Stack } from './stack.js';
import type { Trust } from './trust.js';

const stacks = {
  bare: () => ({ handlers: [] }),
  latchkey: ourGuard,
  'express-oauth2-jwt-bearer': expressOauth2JwtBearer,
  'express-jwt (KeyObject)': expressJwt,
  'fast-jwt with cache': fastJwt,
  'jose by hand': joseByHand,
  'securityHeaders (web)': () => ourHeaders('web'),
  'securityHeaders (api)': () => ourHeaders('api'),
  'helmet + cors': helmetAndCors,
  'securityHeaders + requireAuth + requireScopes + orgContext': ourWholeStack,
  'helmet + cors + express-oauth2-jwt-bearer': helmetCorsAndBearer,
} as const satisfies Record<string, (trust: Trust) => Stack | Promise<Stack>>;

export type StackName = keyof typeof stacks;

export async function createStack(name: StackName, trust: Trust): Promise<Stack> {
  return stacks[name](trust);
}
