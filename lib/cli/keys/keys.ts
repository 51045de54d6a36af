import { loadConfig } from '../../config/config.js';
import { type CommandShape, type GivenOf, readCommand } from '../arguments.js';
import { algorithms, createNewKey, isAlgorithm, type NewKey } from './new-key.js';
import { withProgress } from '../output/progress.js';
import { presentKey, rotationOf } from './rotation.js';
import { type SavedKey, saveKey } from './save.js';
import type { Terminal } from '../terminal.js';
import type { CommandHelp, Topic } from '../topic.js';
import { unknownName } from '../usage-error.js';
import { visible } from '../output/visible-text.js';

const options = {
  alg: { type: 'string' },
  out: { type: 'string' },
  json: { type: 'boolean' },
  secret: { type: 'boolean' },
} as const;

type Given = GivenOf<typeof options>;

interface Command extends CommandShape, CommandHelp {
  readonly run: (terminal: Terminal, given: Given) => Promise<void>;
}

const commands: Readonly<Record<string, Command>> = {
  generate: {
    run: generate,
    flags: ['alg', 'out', 'json'],
    takes: '[--alg <algorithm>] [--out <folder>] [--json]',
    says: 'Makes a private key or a secret that signs tokens, and tells which variables to set.',
    example: 'npx latchkey keys generate --alg ES256 --out secrets',
  },
  rotate: {
    run: rotate,
    flags: ['out', 'secret'],
    takes: '[--secret] [--out <folder>]',
    says: 'Makes the next signing key, or the next AUTH_SECRET, and tells how to replace the present one. Changes no setting.',
    example: 'npx latchkey keys rotate --out secrets/next',
  },
};

/** `latchkey keys …`. */
export const keys: Topic = {
  usage: '<command>',
  commands,
  notes: `<algorithm> is ES256 (default), ES384, ES512, RS256, PS256, EdDSA, HS256, …
Keys go to files in <folder>, which only their owner can read; nothing is overwritten. Without --out they are printed, the key on standard output and the rest on standard error.`,
  async run(args, terminal) {
    const { command, given } = readCommand('keys', { options, commands }, args);
    await command.run(terminal, given);
  },
};

async function generate(terminal: Terminal, given: Given): Promise<void> {
  const { alg = 'ES256', out, json = false } = given;
  if (!isAlgorithm(alg)) throw unknownName('algorithm', alg, algorithms);
  const key = await withProgress(terminal, 'making a key', createNewKey(alg));
  const saved = out === undefined ? undefined : saveKey(key, out);
  if (json) return terminal.print(`${visible(JSON.stringify(publicOrWhole(key, saved)))}\n`);
  // Without a folder the key alone goes to standard output, so that it can be put into a variable.
  terminal.print(saved ? `${saved.files.map(visible).join('\n')}\n` : key.text);
  terminal.complain(`\n${describeKey(key, saved)}\n`);
}

/** A key that was saved is not printed as well. */
function publicOrWhole(key: NewKey, saved: SavedKey | undefined): object {
  const { algorithm: alg, kid, publicJwk, text } = key;
  return { alg, kid, publicJwk, ...(saved ? { files: saved.files } : { key: text.trim() }) };
}

function describeKey(key: NewKey, saved: SavedKey | undefined): string {
  const { algorithm, kid, publicJwk } = key;
  const { variable } = key;
  const lines = [
    ...(publicJwk ? [`Public key, kid ${kid}:`, JSON.stringify(publicJwk), ''] : []),
    'Set:',
    saved ? `  ${variable}_FILE=${visible(saved.files[0])}` : `  ${variable}=<the key>`,
    ...(key.isUsualAlgorithm ? [] : [`  AUTH_JWT_ALGORITHM=${algorithm}`]),
  ];
  if (publicJwk)
    lines.push(
      '  AUTH_SECRET=<a secret of its own: npx latchkey keys generate --alg HS256>',
      '',
      'The public key is published at /jwks.json of the router: nothing else has to know it.',
    );
  return lines.join('\n');
}

async function rotate(terminal: Terminal, given: Given): Promise<void> {
  const { env, complain, print } = terminal;
  const config = loadConfig({
    env,
    onWarning: (message) => complain(`latchkey: ${visible(message)}\n`),
  });
  const present = presentKey(config, given.secret ? 'secret' : 'key');
  const key = await withProgress(terminal, 'making a key', createNewKey(present.algorithm));
  const saved = given.out === undefined ? undefined : saveKey(key, given.out);
  if (!saved) print(`${key.text}\n`);
  for (const line of rotationOf(present, { key, saved, config, env })) print(`${visible(line)}\n`);
}
