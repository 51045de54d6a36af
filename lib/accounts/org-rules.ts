import { AuthError, type FieldError, reusableError } from '../errors.js';
import { OWNER_ROLE } from '../stores/org-store.js';

/** May invite and remove members, and change the roles of those who are no owners. */
const ADMIN_ROLE = 'admin';

/** A user is a member of at most so many organisations. */
export const MOST_MEMBERSHIPS = 100;

const MAX_NAME = 100;
/** What the cache of memberships holds is bounded by these. */
const MOST_ROLES = 20;
const MAX_ROLE = 64;

export function isOwner(roles: readonly string[]): boolean {
  return roles.includes(OWNER_ROLE);
}

/** Whether a member with these roles may invite and remove others. */
export function mayManage(roles: readonly string[]): boolean {
  return isOwner(roles) || roles.includes(ADMIN_ROLE);
}

/**
 * Whether a member may make `after` of another one's roles: an owner everything, an admin all that neither makes nor unmakes
 * an owner. Undefined stands for one who is no member.
 */
export function mayChangeRoles(own: readonly string[], { before, after }: RoleChange): boolean {
  if (isOwner(own)) return true;
  return mayManage(own) && !isOwner(before ?? []) && !isOwner(after ?? []);
}

interface RoleChange {
  readonly before: readonly string[] | undefined;
  readonly after: readonly string[] | undefined;
}

/** The name of an organisation without space around it. Throws INVALID_REQUEST (400) for one that can't be shown. */
export function readOrgName(name: string): string {
  const trimmed = name.trim().normalize('NFC');
  if (isShowable(trimmed, MAX_NAME)) return trimmed;
  throw flawed({
    pointer: '#/name',
    detail: `is 1 to ${MAX_NAME} characters, none of them a control character`,
  });
}

/** Roles without repetitions. Throws INVALID_REQUEST (400). */
export function readOrgRoles(roles: readonly string[]): readonly string[] {
  const each = [...new Set(roles)];
  if (each.length <= MOST_ROLES && each.every((role) => isShowable(role, MAX_ROLE))) return each;
  throw flawed({
    pointer: '#/roles',
    detail: `is a list of up to ${MOST_ROLES} texts of 1 to ${MAX_ROLE} characters, none of them a control character`,
  });
}

/** As long as an id of `orgContext()` may be, and of characters that need no escape in a path. */
export function readOrgId(id: string): string {
  if (/^[\w-]{1,128}$/.test(id)) return id;
  throw flawed({ pointer: '#/id', detail: 'is 1 to 128 letters, digits, hyphens and underscores' });
}

/** Neither control characters nor halves of surrogate pairs, nor what turns the direction of the text around it. */
function isShowable(text: unknown, max: number): boolean {
  return (
    typeof text === 'string' &&
    text !== '' &&
    text.length <= max &&
    !/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]/u.test(text)
  );
}

function flawed(error: FieldError): AuthError {
  return new AuthError('INVALID_REQUEST', { reason: 'organisation', errors: [error] });
}

export const lastOwner: AuthError = reusableError('CONFLICT', {
  reason: 'last_owner',
  detail:
    'An organisation needs an owner. Make another member an owner first, or delete the organisation.',
});

export const changedMeanwhile: AuthError = reusableError('CONFLICT', {
  reason: 'changed',
  detail: 'The roles of this member have changed in the meantime. Look at them, then try again.',
});

export const alreadyMember: AuthError = reusableError('CONFLICT', {
  reason: 'already_member',
  detail: 'This user is a member of the organisation already.',
});

export const tooManyOrgs: AuthError = reusableError('CONFLICT', {
  reason: 'too_many_orgs',
  detail: `A user is a member of at most ${MOST_MEMBERSHIPS} organisations.`,
});
