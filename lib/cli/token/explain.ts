import { readFileSync, statSync } from 'node:fs';
import { configuredVerifierOptions, isOwnSecret } from '../../auth/verifier.js';
import { loadConfig } from '../../config/config.js';
import { isRecord } from '../../is-record.js';
import {
  type ExplainedStep,
  type Explanation,
  explainToken,
  type StepReason,
} from '../../verifier/explain.js';
import { parseJsonObject } from '../../verifier/tokens/shape.js';
import { createPaint, type Paint } from '../output/paint.js';
import { withProgress } from '../output/progress.js';
import { refusalCures } from './refusal-cures.js';
import type { Terminal } from '../terminal.js';
import { columnWidth, padText } from '../output/text-width.js';
import { factsOf } from './facts.js';
import { kindOf } from './kind.js';
import { UsageError } from '../usage-error.js';
import { visible } from '../output/visible-text.js';
import { hang, widthOf } from '../output/wrap.js';
import type { JsonWebKey } from '../../verifier/keys/json-web-key.js';

interface ExplainGiven {
  readonly issuer?: string | undefined;
  readonly jwks?: string | undefined;
  readonly audience?: string | undefined;
  readonly offline?: boolean | undefined;
  readonly json?: boolean | undefined;
}

/**
 * Explains what the application's verifier says of a token, and returns 0 when it would be accepted, else 1. The token is sent
 * nowhere, and neither it nor its signature is printed.
 */
export async function explain(
  terminal: Terminal,
  given: ExplainGiven,
  argument: string,
): Promise<number> {
  const { complain, print } = terminal;
  const token = await readToken(terminal, argument);
  const options = optionsOf(terminal, given);
  if (options.issuers.length === 0)
    throw new UsageError(
      'no issuer is configured: set the AUTH_… variables of the application, or add --issuer',
    );
  const { offline = false } = given;
  const work = explainToken(token, options, { offline, isOwnSecret });
  const explanation = await withProgress(terminal, "fetching the issuer's keys", work);
  const issuers = options.issuers.map((each) => each.issuer);
  const report = reportOf(token, explanation, issuers);
  if (given.json) print(`${visible(JSON.stringify(report))}\n`);
  else for (const line of linesOf(report, terminal)) print(`${line}\n`);
  if (argument !== '-')
    complain(
      'latchkey: the token is in the history of your shell; with - it is read from standard input\n',
    );
  return report.verdict === 'accepted' ? 0 : 1;
}

/** The token, without what is often copied along with it. */
async function readToken({ read }: Terminal, argument: string): Promise<string> {
  let text = argument === '-' ? '' : argument;
  if (argument === '-') for await (const chunk of read()) text += String(chunk);
  const token = text.trim().replace(/^(?:authorization: *)?(?:bearer|dpop) +/i, '');
  if (token === '') throw new UsageError('token explain got no token');
  return token;
}

function optionsOf(
  { env, complain }: Terminal,
  given: ExplainGiven,
): ReturnType<typeof configuredVerifierOptions> {
  const { issuer, jwks, audience } = given;
  if (issuer === undefined) {
    if (jwks !== undefined || audience !== undefined)
      throw new UsageError('--jwks and --audience need --issuer');
    const onWarning = (message: string) => complain(`latchkey: ${visible(message)}\n`);
    return configuredVerifierOptions(loadConfig({ env, onWarning }), Date.now);
  }
  const keys = jwks === undefined ? ({ discovery: true } as const) : { jwks: readKeys(jwks) };
  return { issuers: [{ issuer, audience: audience ?? null, keys }] };
}

function readKeys(file: string): { readonly keys: readonly JsonWebKey[] } {
  if (!statSync(file, { throwIfNoEntry: false })?.isFile())
    throw new UsageError(`--jwks: there is no file ${JSON.stringify(file)}`);
  const content = parseJsonObject(readFileSync(file, 'utf8'));
  const keys: unknown = content?.['keys'];
  if (Array.isArray(keys) && keys.every((key) => isRecord(key))) return { keys };
  throw new UsageError('--jwks is a file with a JWK Set: { "keys": [ … ] }');
}

interface Report {
  /** `undecided` where that takes a request that was not made. */
  readonly verdict: 'accepted' | 'refused' | 'undecided';
  readonly kind: string;
  /** Of the first check that fails. */
  readonly reason?: StepReason;
  readonly code?: string;
  readonly fix?: string;
  readonly checks: readonly (ExplainedStep & { readonly facts?: string })[];
  readonly header?: object | undefined;
  readonly claims?: object | undefined;
}

function reportOf(token: string, explanation: Explanation, issuers: readonly string[]): Report {
  const { steps, header, claims, isAsked } = explanation;
  const context = { nowSeconds: Math.floor(Date.now() / 1000), issuers };
  const checks = steps.map((step) =>
    step.outcome === 'skipped'
      ? step
      : { ...step, facts: factsOf(step.name, explanation, context) },
  );
  const { words: kind, cure } = kindOf(token, explanation);
  const reason = steps.find(({ outcome }) => outcome === 'failed')?.reason;
  const rest = { kind, checks, header, claims };
  if (reason !== undefined) {
    const fix = cure ?? refusalCures[reason];
    return { verdict: 'refused', reason, code: codeOf(reason), fix, ...rest };
  }
  const isDecided = !isAsked && steps.every(({ outcome }) => outcome === 'passed');
  return { verdict: isDecided ? 'accepted' : 'undecided', ...rest };
}

function codeOf(reason: StepReason): string {
  if (reason === 'keys_unavailable') return '503 KEYS_UNAVAILABLE';
  return reason === 'expired' ? '401 TOKEN_EXPIRED' : '401 INVALID_TOKEN';
}

const MARKS = {
  passed: ['green', 'PASS'],
  failed: ['red', 'FAIL'],
  skipped: ['dim', 'SKIP'],
} as const;

function linesOf(report: Report, terminal: Terminal): readonly string[] {
  const { checks, kind, header, claims } = report;
  const paint = createPaint(terminal, 'stdout');
  const textWidth = widthOf(terminal);
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.map(({ name, outcome, facts = 'not looked at' }) => {
    const [style, mark] = MARKS[outcome];
    return `  ${paint(style, mark)}  ${name.padEnd(width)}  ${visible(facts)}`.trimEnd();
  });
  return [
    paint('bold', visible(kind)),
    '',
    ...lines,
    '',
    ...verdictLines(report, { paint, width: textWidth }),
    ...membersOf('Header', header, paint),
    ...membersOf('Claims', claims, paint),
    '',
    ...hang(
      'Not checked here: ',
      'revocation and sessions, scopes, roles and organisations, and what the application sets in code.',
      textWidth,
    ),
  ];
}

function verdictLines(
  report: Report,
  { paint, width }: { readonly paint: Paint; readonly width: number },
): readonly string[] {
  const { verdict, reason, code, fix } = report;
  if (verdict === 'accepted') return [paint('green', 'Accepted')];
  if (verdict === 'undecided')
    return [
      paint('yellow', 'Undecided'),
      '  Nothing was found against it, but its signature or its issuer was not asked.',
    ];
  return [
    paint('red', `Refused: ${code}, reason ${reason}`),
    ...hang('  To change it: ', `${fix}.`, width),
  ];
}

function membersOf(title: string, members: object | undefined, paint: Paint): readonly string[] {
  const entries = Object.entries(members ?? {});
  if (entries.length === 0) return [];
  const rows = entries.map(
    ([name, value]) => [visible(name), visible(JSON.stringify(value))] as const,
  );
  const width = columnWidth(rows.map(([name]) => name));
  return [
    '',
    paint('bold', title),
    ...rows.map(([name, value]) => `  ${padText(name, width)}  ${value}`),
  ];
}
