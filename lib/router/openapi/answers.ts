import { z } from 'zod';
import { errorTable } from '../../errors/error-table.js';

const texts = z.array(z.string());
const time = z.iso.datetime();
const id = z.string();
const seconds = z.int().min(0);

const accessToken = {
  access_token: z.string(),
  token_type: z.enum(['Bearer', 'DPoP']),
  expires_in: seconds.meta({ description: 'Seconds.' }),
};
const renewal = {
  refresh_in: seconds.meta({ description: 'When to refresh, in seconds.' }),
  must_reset_password: z.boolean(),
};
const Tokens = z.strictObject({
  ...accessToken,
  refresh_token: z.string().optional().meta({ description: 'Absent with `delivery: cookie`.' }),
  device_token: z
    .string()
    .optional()
    .meta({ description: 'To be sent with later sign-ins by password.' }),
  ...renewal,
});
const SwitchedTokens = z.strictObject({ ...accessToken, ...renewal });
const ClientTokens = z.strictObject({ ...accessToken, scope: z.string().optional() });

const scalar = z.union([z.string(), z.number(), z.boolean()]);
const attributes = z.record(z.string(), z.union([scalar, z.null(), z.array(scalar)]));
const Caller = z.strictObject({
  id,
  email: z.string().optional(),
  email_verified: z.boolean(),
  username: z.string().optional(),
  roles: texts,
  groups: texts,
  attributes,
});
const Actor = z.strictObject({
  id,
  name: z.string().nullable().optional(),
  reason: z.string().optional(),
  since: time.optional(),
  until: time.optional(),
});
const Me = z.strictObject({
  subject: z.string(),
  method: z.enum(['jwt', 'opaque', 'session', 'api_key', 'dev']),
  user: Caller,
  scopes: texts,
  issuer: z.string(),
  session_id: z.string().optional(),
  auth_time: z.number().optional(),
  issued_at: z.number().optional(),
  expires_at: z.number(),
  orgs: z.array(
    z.strictObject({ id, name: z.string().optional(), roles: texts, default: z.boolean() }),
  ),
  must_reset_password: z.literal(false),
  actor: Actor.optional(),
});
const SessionState = z.discriminatedUnion('authenticated', [
  z.strictObject({ authenticated: z.literal(false) }),
  z.strictObject({
    authenticated: z.literal(true),
    user: Caller,
    expires_in: seconds,
    ...renewal,
    actor: Actor.optional(),
    logout_url: z.string(),
  }),
]);
const SessionList = z.strictObject({
  sessions: z.array(
    z.strictObject({
      id,
      device: z.string().nullable(),
      created_at: time,
      last_used_at: time,
      expires_at: time,
      actor: z.strictObject({ id }).optional(),
      current: z.boolean(),
    }),
  ),
  next: z.string().optional(),
});
const WaysIn = z.strictObject({
  password: z.boolean(),
  identities: z.array(
    z.strictObject({
      provider: z.string(),
      label: z.string(),
      linked_at: time,
      last_used_at: time.nullable(),
      current: z.boolean(),
    }),
  ),
});

const apiKey = {
  id,
  prefix: z.string(),
  name: z.string(),
  scopes: texts,
  resource: z.string().nullable(),
  org: z.string().nullable(),
  created_at: time,
  expires_at: time.nullable(),
  last_used_at: time.nullable(),
};
const ApiKey = z.strictObject(apiKey);
const ApiKeyList = z.strictObject({ keys: z.array(ApiKey) });
const NewApiKey = z.strictObject({
  key: z.string().meta({ description: 'Shown this once.' }),
  ...apiKey,
});

const User = z.strictObject({
  id,
  username: z.string().nullable(),
  email: z.string().nullable(),
  email_verified: z.boolean(),
  roles: texts,
  groups: texts,
  attributes,
  orgs: z.array(z.strictObject({ id, roles: texts, default: z.boolean() })),
  disabled: z.boolean(),
  must_reset_password: z.boolean(),
  created_at: time,
  updated_at: time,
});
const UserList = z.strictObject({ users: z.array(User), next: z.string().optional() });

const serviceAccount = {
  id,
  org: z.string(),
  name: z.string(),
  scopes: texts,
  roles: texts,
  disabled: z.boolean(),
  jwks: z.looseObject({ keys: z.array(z.looseObject({})) }).nullable(),
  token_seconds: seconds,
  created_at: time,
};
const ServiceAccount = z.strictObject(serviceAccount);
const clientSecret = {
  id,
  created_at: time,
  expires_at: time.nullable(),
  last_used_at: time.nullable(),
};
const ServiceAccountList = z.strictObject({ service_accounts: z.array(ServiceAccount) });
const ServiceAccountWithSecrets = z.strictObject({
  ...serviceAccount,
  secrets: z.array(z.strictObject(clientSecret)),
});
const NewSecret = z.strictObject({
  ...clientSecret,
  client_secret: z.string().meta({ description: 'Shown this once.' }),
});

const Organisation = z.strictObject({
  id,
  name: z.string(),
  roles: texts,
  default: z.boolean(),
  joined_at: time,
});
const OrganisationList = z.strictObject({ orgs: z.array(Organisation) });
const MemberList = z.strictObject({
  members: z.array(
    z.strictObject({
      user: z.strictObject({
        id,
        username: z.string().nullable(),
        email: z.string().nullable().optional(),
      }),
      roles: texts,
      joined_at: time,
    }),
  ),
  next: z.string().optional(),
});
const MemberRoles = z.strictObject({ user: z.strictObject({ id }), roles: texts });
const Invitation = z.strictObject({
  id,
  email: z.string(),
  roles: texts,
  invited_by: z.string().nullable(),
  created_at: time,
  expires_at: time,
});
const InvitationList = z.strictObject({ invitations: z.array(Invitation) });

const ProviderList = z.strictObject({
  passwords: z.boolean(),
  sign_up: z.boolean(),
  providers: z.array(
    z.strictObject({ name: z.string(), label: z.string(), login_url: z.string() }),
  ),
});
const Status = z.strictObject({
  status: z.enum(['ready', 'degraded', 'unavailable']),
  reasons: z.array(z.enum(['closing', 'store_unavailable', 'keys_unavailable', 'keys_stale'])),
});
const Jwks = z.strictObject({ keys: z.array(z.looseObject({ kty: z.string() })) });
const OpenapiDocument = z.looseObject({ openapi: z.string() });
const Accepted = z.strictObject({});

const fieldErrors = z.array(
  z.strictObject({ pointer: z.string(), detail: z.string(), code: z.string().optional() }),
);
const code = z.string().meta({ enum: Object.keys(errorTable) });
/** Open, as RFC 9457 §3.2 has it: `errorHandler()` may add members. */
const Problem = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code,
  error: z.string().optional(),
  expired_at: time.optional(),
  scope: z.string().optional(),
  acr_values: z.string().optional(),
  max_age: z.number().optional(),
  retry_after: seconds.optional(),
  retry_at: time.optional(),
  errors: fieldErrors.optional(),
});
/** RFC 6749 §5.2. */
const OAuthError = z.strictObject({
  error: z.string(),
  error_description: z.string(),
  code,
  errors: fieldErrors.optional(),
});

export type AnswerName =
  | 'Tokens'
  | 'SwitchedTokens'
  | 'ClientTokens'
  | 'Caller'
  | 'Actor'
  | 'Me'
  | 'SessionState'
  | 'SessionList'
  | 'WaysIn'
  | 'ApiKey'
  | 'ApiKeyList'
  | 'NewApiKey'
  | 'User'
  | 'UserList'
  | 'ServiceAccount'
  | 'ServiceAccountList'
  | 'ServiceAccountWithSecrets'
  | 'NewSecret'
  | 'Organisation'
  | 'OrganisationList'
  | 'MemberList'
  | 'MemberRoles'
  | 'Invitation'
  | 'InvitationList'
  | 'ProviderList'
  | 'Status'
  | 'Jwks'
  | 'OpenapiDocument'
  | 'Accepted'
  | 'Problem'
  | 'OAuthError';

/** What endpoints answer, by the names in the document. */
export const answers: Readonly<Record<AnswerName, z.ZodType>> = {
  ...{ Tokens, SwitchedTokens, ClientTokens },
  ...{ Caller, Actor, Me, SessionState, SessionList, WaysIn },
  ...{ ApiKey, ApiKeyList, NewApiKey, User, UserList },
  ...{ ServiceAccount, ServiceAccountList, ServiceAccountWithSecrets, NewSecret },
  ...{ Organisation, OrganisationList, MemberList, MemberRoles, Invitation, InvitationList },
  ...{ ProviderList, Status, Jwks, OpenapiDocument, Accepted },
  ...{ Problem, OAuthError },
};
