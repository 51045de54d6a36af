import type { AuthErrorCode } from '../../errors.js';
import type { AnswerName } from './answers.js';
import type { RequestName } from './requests.js';

/** What the document says of one endpoint, beside what follows from it for every one. */
export interface Operation {
  /** Never changes: code is generated from it. */
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly caller: CallerRule;
  readonly query?: readonly QueryName[];
  /** A body of JSON. */
  readonly json?: RequestName;
  /** A body of a form. With `json`, either is taken. */
  readonly form?: RequestName;
  /** Whether the tokens in the answer are bound to the key that the request proves to hold, where DPoP is on. @defaultValue `false` */
  readonly isBound?: boolean;
  /** Whether pages of other sites may send the request. @defaultValue `false` */
  readonly isCrossSite?: boolean;
  /** Whether it answers without counting and without looking anything up. @defaultValue `false` */
  readonly isUnlimited?: boolean;
  /** Media type of the answers. @defaultValue `'application/json'` */
  readonly answerType?: string;
  /** By status. `empty` is an answer without a body. */
  readonly answers: Readonly<Record<number, AnswerName | readonly AnswerName[] | 'empty'>>;
  /** Refusals of its own, beside those that follow from the caller and the body. */
  readonly errors?: readonly AuthErrorCode[];
  /** The same in the form of RFC 6749 §5.2. */
  readonly oauthErrors?: readonly AuthErrorCode[];
}

/**
 * Who may call. `none`: everyone, and no credential is looked at. `optional`: everyone; a credential is judged. `any`: every way in. `user`: one of our
 * own users, not by an API key. `newPassword`: also one who must change the password first. `cookie`: the refresh token is the
 * credential, in the body or the cookie. `client`: a service account, in the body or by HTTP Basic.
 */
export type CallerRule =
  | 'none'
  | 'optional'
  | 'any'
  | 'user'
  | 'newPassword'
  | 'cookie'
  | 'client'
  | { readonly scope: string };

export type QueryName = 'limit' | 'after' | 'resource' | 'org';

/** Operations by method and path, `GET /users/:id`. */
export type Operations = Readonly<Record<string, Operation>>;
