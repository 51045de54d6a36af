import type { z } from 'zod';
import { impersonateSchema } from '../admin/impersonate.js';
import { userBodies } from '../admin/users.js';
import { tokenRequestSchema } from '../machine/client-credentials.js';
import { createKeySchema } from '../machine/keys.js';
import { accountBodies } from '../machine/service-account-routes.js';
import { acceptSchema } from '../organisations/accept-invitation.js';
import { invitationSchema } from '../organisations/invitations.js';
import { rolesSchema } from '../organisations/members.js';
import { nameSchema } from '../organisations/orgs.js';
import { switchSchema } from '../organisations/switch-org.js';
import { changeEmailSchema } from '../password/change-email.js';
import { changePasswordSchema } from '../password/change-password.js';
import { forgotSchema } from '../password/forgot-password.js';
import { passwordLoginSchema } from '../password/login.js';
import { resetSchema } from '../password/reset-password.js';
import { signUpSchema } from '../password/sign-up.js';
import { verifyEmailSchema } from '../password/verify-email.js';
import { exchangeSchema } from '../provider/exchange.js';
import { googleSchema } from '../provider/google.js';
import { logoutTokenSchema } from '../provider/logout.js';
import { logoutSchema } from '../session/logout.js';
import { refreshSchema, revokeSchema } from '../session/refresh.js';

export type RequestName =
  | 'LoginRequest'
  | 'RefreshRequest'
  | 'RevokeRequest'
  | 'LogoutRequest'
  | 'ChangePasswordRequest'
  | 'ForgotPasswordRequest'
  | 'ResetPasswordRequest'
  | 'SignUpRequest'
  | 'VerifyEmailRequest'
  | 'ChangeEmailRequest'
  | 'ExchangeRequest'
  | 'GoogleRequest'
  | 'BackchannelLogoutRequest'
  | 'CreateUserRequest'
  | 'UpdateUserRequest'
  | 'ImpersonateRequest'
  | 'CreateKeyRequest'
  | 'ClientTokenRequest'
  | 'CreateServiceAccountRequest'
  | 'UpdateServiceAccountRequest'
  | 'CreateSecretRequest'
  | 'OrganisationRequest'
  | 'MemberRolesRequest'
  | 'InvitationRequest'
  | 'AcceptInvitationRequest'
  | 'SwitchOrganisationRequest';

/** Bodies by their names in the document: the very schemas that the endpoints read them with. */
export const requests: Readonly<Record<RequestName, z.ZodType>> = {
  LoginRequest: passwordLoginSchema,
  RefreshRequest: refreshSchema,
  RevokeRequest: revokeSchema,
  LogoutRequest: logoutSchema,
  ChangePasswordRequest: changePasswordSchema,
  ForgotPasswordRequest: forgotSchema,
  ResetPasswordRequest: resetSchema,
  SignUpRequest: signUpSchema,
  VerifyEmailRequest: verifyEmailSchema,
  ChangeEmailRequest: changeEmailSchema,
  ExchangeRequest: exchangeSchema,
  GoogleRequest: googleSchema,
  BackchannelLogoutRequest: logoutTokenSchema,
  CreateUserRequest: userBodies.create,
  UpdateUserRequest: userBodies.update,
  ImpersonateRequest: impersonateSchema,
  CreateKeyRequest: createKeySchema,
  ClientTokenRequest: tokenRequestSchema,
  CreateServiceAccountRequest: accountBodies.create,
  UpdateServiceAccountRequest: accountBodies.update,
  CreateSecretRequest: accountBodies.secret,
  OrganisationRequest: nameSchema,
  MemberRolesRequest: rolesSchema,
  InvitationRequest: invitationSchema,
  AcceptInvitationRequest: acceptSchema,
  SwitchOrganisationRequest: switchSchema,
};
