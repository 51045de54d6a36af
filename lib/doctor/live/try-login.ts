import { AuthError } from '../../errors.js';
import { APPLE } from '../../providers/apple.js';
import type { LoginProvider, LoginSecrets } from '../../providers/login-provider.js';
import type { Finding } from '../finding.js';
import { ask, type Asking } from './ask.js';
import type { Metadata } from './metadata.js';
import { pass } from './outcomes.js';
import { judgeAuthorization, judgeRefusal, type TriedClient } from './redirect-uri.js';
import { unreached } from './unreached.js';

interface Trial {
  /** Undefined: nothing is tried. */
  readonly client: TriedClient | undefined;
  readonly provider: LoginProvider;
  readonly asking: Asking;
}

/** Asks as a log-in would, and signs no user in. */
export async function tryLogin(
  { client, provider, asking }: Trial,
  metadata: Metadata | undefined,
): Promise<readonly Finding[]> {
  if (!client) return [];
  const isPushed = metadata?.['pushed_authorization_request_endpoint'] !== undefined;
  const knowsPrompt = metadata !== undefined && provider.client.issuer !== APPLE;
  const prompt = knowsPrompt && !isPushed ? { prompt: 'none' } : {};
  let begun: Awaited<ReturnType<LoginProvider['begin']>>;
  try {
    begun = await provider.begin({ redirectUri: client.redirectUri, ...prompt });
  } catch (error) {
    return [judgeRefusal(client, reasonOf(error))];
  }
  if (isPushed)
    return [
      pass('live_redirect_uri', `${client.name} takes our client id, secret and redirect URI`),
    ];
  const [authorization, secret] = await Promise.all([
    knowsPrompt ? tryAuthorization(client, begun.url, { asking, metadata }) : undefined,
    trySecret(client, { provider, secrets: begun.secrets, metadata }),
  ]);
  return [authorization, secret].filter((finding) => finding !== undefined);
}

async function tryAuthorization(
  client: TriedClient,
  url: URL,
  { asking, metadata }: { readonly asking: Asking; readonly metadata: Metadata },
): Promise<Finding | undefined> {
  try {
    const answer = await ask(url.href, asking, { headers: { accept: 'text/html' } });
    const namesIssuer = metadata['authorization_response_iss_parameter_supported'] === true;
    return judgeAuthorization(client, answer, { namesIssuer });
  } catch (error) {
    const what = `${client.name}: its authorization endpoint`;
    return unreached('live_redirect_uri', what, { error, why: 'nobody can sign in with it' });
  }
}

/**
 * Tries to exchange a code that was never given out. Who is asked looks at the client first (RFC 6749 §4.1.3), and then refuses the code.
 * Undefined where the answer doesn't say which of both was refused.
 */
async function trySecret(
  client: TriedClient,
  {
    provider,
    secrets,
    metadata,
  }: {
    readonly provider: LoginProvider;
    readonly secrets: LoginSecrets;
    readonly metadata: Metadata | undefined;
  },
): Promise<Finding | undefined> {
  const answer = new URLSearchParams({ code: 'made-up-by-latchkey-doctor', state: secrets.state });
  if (metadata?.['authorization_response_iss_parameter_supported'] === true)
    answer.set('iss', String(metadata['issuer']));
  const refusal = await provider.finish(answer, secrets).then(() => undefined, reasonOf);
  const { reason } = refusal ?? {};
  if (reason === 'invalid_grant') return pass('live_login_client', secretWords(client, provider));
  const isTelling = ['invalid_client', 'unauthorized_client', 'timeout', 'unreachable'];
  return isTelling.includes(reason ?? '') ? judgeRefusal(client, { reason }) : undefined;
}

/** Two providers judge the redirect URI only when a person has signed in there. */
function secretWords({ name, redirectUri }: TriedClient, provider: LoginProvider): string {
  const takes = `${name} takes our client id and secret`;
  const { issuer } = provider.client;
  return issuer === APPLE || provider.name === 'github'
    ? `${takes}; only a log-in shows whether it knows the redirect URI, which must be ${redirectUri}`
    : takes;
}

function reasonOf(error: unknown): { readonly reason: string | undefined } {
  return { reason: error instanceof AuthError ? error.reason : undefined };
}
