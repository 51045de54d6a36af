import { assertRemoteUrl, type HttpPermission } from '../../http/bounded-fetch.js';
import { isRecord } from '../../is-record.js';
import { numberInRange, refuseUnknownOptions } from '../../known-options.js';
import { isSource } from '../trusted-issuers/key-source.js';
import type {
  IntrospectionOptions,
  IssuerOptions,
  PublishedKeys,
} from '../trusted-issuers/options.js';

/** How an issuer is asked about its tokens: the options, checked and with every default filled in. */
export interface IntrospectionPolicy {
  /** Undefined where the issuer's metadata names it. */
  readonly endpoint: string | undefined;
  readonly clientId: string;
  /** Puts our credentials into a question's form, or returns the headers that have them. */
  readonly authenticate: (form: URLSearchParams) => Readonly<Record<string, string>>;
  readonly cacheSeconds: number;
  readonly negativeCacheSeconds: number;
  readonly maxEntries: number;
  readonly timeoutMs: number;
  /** Empty where any opaque token may be the issuer's. */
  readonly tokenPrefix: string;
  readonly signedResponses: PublishedKeys | undefined;
  readonly fetch: typeof fetch | undefined;
}

/**
 * Reads how an issuer is asked; undefined for one whose tokens are verified by keys. Throws a TypeError for options that can't
 * work, and for those that only JWTs can obey.
 */
export function readIntrospection(
  { issuer, keys, algorithms, profile, tenants }: IssuerOptions,
  permission: HttpPermission,
): IntrospectionPolicy | undefined {
  if (!isSource(keys, 'introspection')) return undefined;
  refuseUnknownOptions('`keys`', keys, ['introspection']);
  const options = keys.introspection;
  refuseUnknownOptions('`introspection`', options, optionNames);
  if (tenants !== undefined || (profile !== undefined && profile !== 'jwt'))
    throw new TypeError(
      '`tenants` and `profile` are for JWTs that we verify, not for `introspection`',
    );
  if (algorithms && !options.signedResponses)
    throw new TypeError('with `introspection`, `algorithms` are those of `signedResponses`');
  const endpoint = readEndpoint(options);
  assertRemoteUrl(endpoint ?? issuer, permission);
  return Object.freeze({
    endpoint,
    clientId: text(options.clientId, 'clientId'),
    authenticate: readAuthMethod(options),
    cacheSeconds: wholeNumber(options.cacheSeconds ?? 30, [0, 3600], 'cacheSeconds'),
    negativeCacheSeconds: numberInRange(
      options.negativeCacheSeconds ?? 5,
      [0, 60],
      'negativeCacheSeconds',
    ),
    maxEntries: wholeNumber(options.maxEntries ?? 10_000, [1, 1_000_000], 'maxEntries'),
    timeoutMs: numberInRange(options.timeoutMs ?? 5000, [1, 60_000], 'timeoutMs'),
    tokenPrefix: readTokenPrefix(options),
    signedResponses: readSignedResponses(options),
    fetch: options.fetch,
  });
}

const optionNames = [
  'endpoint',
  'discovery',
  'clientId',
  'clientSecret',
  'authMethod',
  'cacheSeconds',
  'negativeCacheSeconds',
  'maxEntries',
  'timeoutMs',
  'tokenPrefix',
  'signedResponses',
  'fetch',
] as const;

function readEndpoint(options: IntrospectionOptions): string | undefined {
  const given: { readonly endpoint?: unknown; readonly discovery?: unknown } = options;
  if ((given.endpoint === undefined) !== (given.discovery === true))
    throw new TypeError('`introspection` needs either `endpoint` or `discovery: true`');
  return given.endpoint === undefined ? undefined : text(given.endpoint, 'endpoint');
}

function wholeNumber(value: unknown, range: readonly [number, number], name: string): number {
  const number = numberInRange(value, range, name);
  if (Number.isInteger(number)) return number;
  throw new TypeError(`\`${name}\` is a whole number`);
}

function text(value: unknown, name: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new TypeError(`\`introspection\` needs \`${name}\`, a text`);
}

/** RFC 6749 §2.3.1. The secret stays in here, where nothing prints it. */
function readAuthMethod(options: IntrospectionOptions): IntrospectionPolicy['authenticate'] {
  const clientId = text(options.clientId, 'clientId');
  const clientSecret = text(options.clientSecret, 'clientSecret');
  const method: unknown = options.authMethod ?? 'client_secret_basic';
  if (method === 'client_secret_post')
    return (form) => {
      form.set('client_id', clientId);
      form.set('client_secret', clientSecret);
      return {};
    };
  if (method !== 'client_secret_basic')
    throw new TypeError("`authMethod` is 'client_secret_basic' or 'client_secret_post'");
  const credentials = [clientId, clientSecret].map(formEncoded).join(':');
  const Authorization = `Basic ${Buffer.from(credentials).toString('base64')}`;
  return () => ({ Authorization });
}

/** RFC 6749 Appendix B. */
function formEncoded(value: string): string {
  return new URLSearchParams({ value }).toString().slice('value='.length);
}

function readTokenPrefix({ tokenPrefix = '' }: IntrospectionOptions): string {
  if (/^[\w.~+/-]{0,64}$/.test(tokenPrefix)) return tokenPrefix;
  throw new TypeError(
    '`tokenPrefix` is what tokens begin with: 1 to 64 letters, digits and - . _ ~ + /',
  );
}

function readSignedResponses({
  signedResponses: keys,
}: IntrospectionOptions): PublishedKeys | undefined {
  if (keys === undefined) return undefined;
  const isPublished =
    isRecord(keys) && ['jwksUri', 'discovery', 'jwks'].some((name) => Object.hasOwn(keys, name));
  if (isPublished) return keys;
  throw new TypeError('`signedResponses` holds the keys of answers: jwksUri, discovery or jwks');
}
