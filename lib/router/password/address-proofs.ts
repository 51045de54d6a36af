import { z } from 'zod';
import type { GoingOn } from './forgot-password.js';
import {
  createMailedTokens,
  type Expiring,
  type MailedTokens,
  mailedLink,
} from './mailed-tokens.js';
import type { MailedProof } from './mail.js';
import type { AuthRouterOptions, RouterParts } from '../parts.js';

interface Expected extends Expiring {
  readonly email: string;
}

export interface SignUpProof extends Expected {
  readonly kind: 'sign_up';
  readonly username?: string | undefined;
  readonly passwordHash: string;
}

export interface ChangeProof extends Expected {
  readonly kind: 'change';
  readonly userId: string;
  /** Fingerprint of the user when the mail was sent. */
  readonly replaces: string;
}

/**
 * What a token stands for that was mailed to an address: a sign-up, which is no account before its token came back and
 * blocks nothing until then, or a new address for an account.
 */
type AddressProof = SignUpProof | ChangeProof;

const life = { email: z.string(), expiresAt: z.number() };

const schema: z.ZodType<AddressProof> = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('sign_up'),
    username: z.string().optional(),
    passwordHash: z.string(),
    ...life,
  }),
  z.object({ kind: z.literal('change'), userId: z.string(), replaces: z.string(), ...life }),
]);

type Asked = Omit<SignUpProof, 'expiresAt'> | Omit<ChangeProof, 'expiresAt'>;

export interface AddressProofs extends Pick<MailedTokens<AddressProof>, 'redeem'> {
  /** Returns what belongs in the mail. */
  issue(asked: Asked, goingOn?: GoingOn): Promise<MailedProof>;
}

export function createAddressProofs(
  parts: RouterParts,
  {
    verifyTokenSeconds = 86_400,
    verifyEmailPage: page,
  }: Pick<AuthRouterOptions, 'verifyTokenSeconds' | 'verifyEmailPage'>,
): AddressProofs {
  const tokens = createMailedTokens(parts, { kind: 'address', schema });
  return Object.freeze({
    redeem: <Result>(token: string, work: (proof: AddressProof) => Promise<Result>) =>
      tokens.redeem(token, work),
    async issue(asked: Asked, { returnTo }: GoingOn = {}): Promise<MailedProof> {
      const expiresAt = parts.now() + verifyTokenSeconds * 1000;
      const token = await tokens.issue({ ...asked, expiresAt });
      // What our page asks for depends on the kind.
      const query = { for: asked.kind, returnTo };
      return {
        url: mailedLink(parts, { page, own: '/verify-email', token, query }),
        token,
        expiresAt: new Date(expiresAt).toISOString(),
      };
    },
  });
}
