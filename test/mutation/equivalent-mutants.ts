/** Mutants that change nothing a test could see. */
export interface EquivalentMutant {
  readonly file: string;
  /** Source text, and what stands there under the mutant. */
  readonly original: string;
  readonly replacement: string;
  readonly reason: string;
}

export const equivalentMutants: readonly EquivalentMutant[] = [
  {
    file: 'lib/verifier/keys/signatures.ts',
    original: "key.asymmetricKeyType === 'ec'",
    replacement: 'true',
    reason:
      'Keys of other kinds have no named curve, and `node:crypto` ignores `dsaEncoding` for them.',
  },
  {
    file: 'lib/verifier/keys/signatures.ts',
    original: 'key.asymmetricKeyDetails?.namedCurve',
    replacement: 'key.asymmetricKeyDetails.namedCurve',
    reason: 'A key of type `ec` always has details; the question mark is there for the compiler.',
  },
  {
    file: 'lib/verifier/keys/signatures.ts',
    original: 'mac.length === signature.length',
    replacement: 'true',
    reason: 'timingSafeEqual() throws for another length, and verifies() turns that into false.',
  },
  {
    file: 'lib/verifier/keys/verification-keys.ts',
    original: '{\n    return undefined;\n  }',
    replacement: '{}',
    reason: 'A function without a return value returns undefined.',
  },
  {
    file: 'lib/verifier/keys/verification-keys.ts',
    original: "typeof source !== 'string' || !source.trimStart().startsWith('{')",
    replacement: 'false',
    reason: 'What is no JSON object fails in JSON.parse() or as a JWK, with the same message.',
  },
  {
    file: 'lib/verifier/keys/verification-keys.ts',
    original: "typeof source === 'string'",
    replacement: 'true',
    reason: 'createPublicKey() refuses what is no text as well, and the message is the same.',
  },
  {
    file: 'lib/verifier/keys/key-sets.ts',
    original: '() => Promise.resolve()',
    replacement: '() => undefined',
    reason: 'Callers await the result, and undefined is awaited as well.',
  },
  {
    file: 'lib/verifier/keys/key-sets.ts',
    original: 'nowMs < state.staleUntil',
    replacement: 'true',
    reason: 'load() starts the same fetch, or joins it.',
  },
  {
    file: 'lib/verifier/keys/key-sets.ts',
    original: 'nowMs < state.staleUntil',
    replacement: 'nowMs <= state.staleUntil',
    reason: 'load() starts the same fetch, or joins it.',
  },
  {
    file: 'lib/verifier/keys/key-sets.ts',
    original: 'now() + waitMs',
    replacement: 'now() - waitMs',
    reason:
      'A refresh that is due earlier gets no permission from the bucket before the wait is over.',
  },
  {
    file: 'lib/verifier/keys/fetch-bucket.ts',
    original: 'nowMs < refilledAt',
    replacement: 'nowMs <= refilledAt',
    reason: 'Sets a moment to itself.',
  },
  {
    file: 'lib/verifier/trusted-issuers/resolved-issuers.ts',
    original: 'before.trusted !== found?.trusted',
    replacement: 'true',
    reason: 'An issuer that is found again is put back under the same name, with a new term.',
  },
  {
    file: 'lib/verifier/trusted-issuers/resolved-issuers.ts',
    original: '!isIssuerOptions(returned)',
    replacement: 'false',
    reason: 'trust() refuses the same values, also with a TypeError.',
  },
  {
    file: 'lib/verifier/trusted-issuers/policy.ts',
    original: '[]',
    replacement: '["Stryker was here"]',
    reason: 'No token and no option has this text.',
  },
  {
    file: 'lib/authenticate/authenticator.ts',
    original: '{ realm }',
    replacement: '{}',
    reason:
      'A refusal with 403 and no error of RFC 6750 has no challenge that could name the realm.',
  },
  {
    file: 'lib/authenticate/authenticator.ts',
    original: '[]',
    replacement: '["Stryker was here"]',
    reason: 'No origin is this text.',
  },
  {
    file: 'lib/authenticate/authenticator.ts',
    original: 'error.status < 500',
    replacement: 'error.status <= 500',
    reason: 'No refusal has the status 500.',
  },
  {
    file: 'lib/authenticate/authenticator.ts',
    original: '!issuers && !userOnly && !load && !isLive',
    replacement: 'false',
    reason: 'The step that is skipped would return the principal as it is.',
  },
  {
    file: 'lib/authenticate/credentials.ts',
    original: "authorization.startsWith('Bearer ') && authorization.charCodeAt(7) !== SPACE",
    replacement: 'false',
    reason: 'findUnusual() finds the same token; this is the short way.',
  },
  {
    file: 'lib/authenticate/credentials.ts',
    original: 'at < rawHeaders.length',
    replacement: 'at <= rawHeaders.length',
    reason: 'There is no name behind the end of the list.',
  },
  {
    file: 'lib/authenticate/credentials.ts',
    original: 'name?.length',
    replacement: 'name.length',
    reason:
      'There is a name at every place before the end; the question mark is there for the compiler.',
  },
  {
    file: 'lib/authenticate/credentials.ts',
    original: 'name?.length === 13',
    replacement: 'true',
    reason: 'The comparison of the name decides; the length saves it.',
  },
  {
    file: 'lib/authenticate/credentials.ts',
    original: '/^ +/',
    replacement: '/ +/',
    reason: 'The text begins with a space, or it is empty.',
  },
  {
    file: 'lib/authenticate/principal-loader.ts',
    original: 'oldest !== undefined',
    replacement: 'true',
    reason: 'A full map has an oldest entry; the test is there for the compiler.',
  },
  {
    file: 'lib/verifier/tokens/rules.ts',
    original: 'clientId === undefined',
    replacement: 'false',
    reason: 'No set of client ids has undefined in it; the comparison is there for the compiler.',
  },
  {
    file: 'lib/verifier/tokens/shape.ts',
    original: 'count < most',
    replacement: 'count <= most',
    reason: 'Counting one dot more leaves “exactly two” as it was; the bound saves time.',
  },
  {
    file: 'lib/verifier/tokens/shape.ts',
    original: '{\n    return undefined;\n  }',
    replacement: '{}',
    reason: 'A function that ends without a return returns undefined.',
  },
  {
    file: 'lib/verifier/tokens/shape.ts',
    original: 'isRecord(value)',
    replacement: 'true',
    reason:
      'What is an object, not null and no list is a record: the test is there for the compiler.',
  },
  {
    file: 'lib/verifier/tokens/shape.ts',
    original: 'at < text.length',
    replacement: 'at <= text.length',
    reason: 'Behind the end there is no character, so no colon and no quote.',
  },
  {
    file: 'lib/verifier/verifier.ts',
    original: 'token.length > maxTokenLength',
    replacement: 'false',
    reason: 'hasTokenShape() refuses the same token for the same reason; this saves its digest.',
  },
  {
    file: 'lib/verifier/verifier.ts',
    original: "typeof kid === 'string'",
    replacement: 'true',
    reason:
      'judgeAnyHeader() lets only a text or undefined through; the test is there for the compiler.',
  },
  {
    file: 'lib/verifier/verifier.ts',
    original: "typeof alg === 'string'",
    replacement: 'true',
    reason: 'judgeAnyHeader() lets only a text through; the test is there for the compiler.',
  },
  {
    file: 'lib/verifier/verifier.ts',
    original: '{\n    return false;\n  }',
    replacement: '{}',
    reason: 'The caller negates the result, so that undefined counts as false.',
  },
  {
    file: 'lib/verifier/verifier.ts',
    original: "typeof iat === 'number'",
    replacement: 'true',
    reason:
      'judgeToken() lets only a number or undefined through; the test is there for the compiler.',
  },
  {
    file: 'lib/verifier/tokens/seen-headers.ts',
    original: 'latest?.text !== undefined && token.startsWith(latest.text)',
    replacement: 'false',
    reason: 'The map has the same entry: comparing with the latest one saves time.',
  },
  {
    file: 'lib/verifier/tokens/seen-headers.ts',
    original: 'token.startsWith(latest.text)',
    replacement: 'token.endsWith(latest.text)',
    reason: 'The map has the same entry: comparing with the latest one saves time.',
  },
  {
    file: 'lib/verifier/tokens/seen-headers.ts',
    original: 'found !== undefined',
    replacement: 'true',
    reason: 'The map has the same entry: comparing with the latest one saves time.',
  },
  {
    file: 'lib/verifier/tokens/seen-headers.ts',
    original: 'found !== undefined',
    replacement: 'false',
    reason: 'The map has the same entry: comparing with the latest one saves time.',
  },
  {
    file: 'lib/verifier/tokens/seen-headers.ts',
    original: 'found !== undefined',
    replacement: 'found === undefined',
    reason: 'The map has the same entry: comparing with the latest one saves time.',
  },
  {
    file: 'lib/verifier/tokens/seen-headers.ts',
    original: '[]',
    replacement: '["Stryker was here"]',
    reason: 'What is no issuer is trusted until no time, and dropped.',
  },
  {
    file: 'lib/verifier/tokens/seen-headers.ts',
    original: 'headerOf(token).length > MAX_HEADER_LENGTH',
    replacement: 'true',
    reason:
      'A header that is kept by its digest never begins a token, so it is looked up in the map, as without a text.',
  },
  {
    file: 'lib/verifier/tokens/seen-headers.ts',
    original: 'headerOf(token).length > MAX_HEADER_LENGTH',
    replacement: 'false',
    reason:
      'A header that is kept by its digest never begins a token, so it is looked up in the map, as without a text.',
  },
  {
    file: 'lib/verifier/tokens/seen-headers.ts',
    original: 'headerOf(token).length > MAX_HEADER_LENGTH',
    replacement: 'headerOf(token).length >= MAX_HEADER_LENGTH',
    reason:
      'A header that is kept by its digest never begins a token, so it is looked up in the map, as without a text.',
  },
  {
    file: 'lib/verifier/tokens/seen-headers.ts',
    original: 'headerOf(token).length > MAX_HEADER_LENGTH',
    replacement: 'headerOf(token).length <= MAX_HEADER_LENGTH',
    reason:
      'A header that is kept by its digest never begins a token, so it is looked up in the map, as without a text.',
  },
  {
    file: 'lib/verifier/tokens/seen-headers.ts',
    original: 'header.length > MAX_HEADER_LENGTH',
    replacement: 'true',
    reason: 'The digest of a long header saves memory: told apart they are by either.',
  },
  {
    file: 'lib/verifier/tokens/seen-headers.ts',
    original: 'header.length > MAX_HEADER_LENGTH',
    replacement: 'false',
    reason: 'The digest of a long header saves memory: told apart they are by either.',
  },
  {
    file: 'lib/verifier/tokens/seen-headers.ts',
    original: 'header.length > MAX_HEADER_LENGTH',
    replacement: 'header.length >= MAX_HEADER_LENGTH',
    reason: 'The digest of a long header saves memory: told apart they are by either.',
  },
  {
    file: 'lib/verifier/tokens/seen-headers.ts',
    original: 'header.length > MAX_HEADER_LENGTH',
    replacement: 'header.length <= MAX_HEADER_LENGTH',
    reason: 'The digest of a long header saves memory: told apart they are by either.',
  },
  {
    file: 'lib/verifier/warm-up.ts',
    original: 'use < 3',
    replacement: 'use <= 3',
    reason: 'One use more of a token that the connection has sent twice changes nothing.',
  },
];
