import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { root } from './build-package.js';
import type { ScratchProject } from './scratch-project.js';

const run = promisify(execFile);

/** A fenced block of code. */
export interface Block {
  /** The README, from the root of the repository. */
  readonly file: string;
  /** The heading above it. */
  readonly section: string;
  readonly language: string;
  readonly code: string;
  /** Line of the README on which the code begins. */
  readonly line: number;
}

export interface Readme {
  readonly file: string;
  readonly text: string;
  readonly blocks: readonly Block[];
}

/** The README at the root, those of the rooms of `lib/` with its map, and those of the examples. */
export async function readReadmes(): Promise<readonly Readme[]> {
  const found = await Promise.all(['lib', 'examples'].map(readmesIn));
  return Promise.all(['README.md', ...found.flat()].map(readReadme));
}

/** The first block in this language under this heading of a README. */
export function findBlock(readme: Readme | undefined, section: string, language: string): Block {
  const found = readme?.blocks.find(
    (block) => block.section === section && block.language === language,
  );
  if (!found) throw new Error(`no ${language} block under "${section}"`);
  return found;
}

/** The variables that a block of shell commands sets, with their values as written. */
export function exportsOf({ code }: Block): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...code.matchAll(/^export (AUTH_\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [
      name,
      value,
    ]),
  );
}

async function readReadme(file: string): Promise<Readme> {
  const text = await readFile(path.join(root, file), 'utf8');
  return { file, text, blocks: codeBlocks(file, text) };
}

async function readmesIn(folder: string): Promise<readonly string[]> {
  const names = await readdir(path.join(root, folder), { recursive: true });
  return names
    .filter((name) => path.basename(name) === 'README.md')
    .toSorted()
    .map((name) => path.join(folder, name));
}

function codeBlocks(file: string, markdown: string): readonly Block[] {
  let section = '';
  const blocks: Block[] = [];
  for (const match of markdown.matchAll(/^```(\w*)\n(.*?)^```$|^#+ ([^\n]+)$/gms)) {
    const [, language, code = '', heading] = match;
    if (heading !== undefined) section = heading;
    else
      blocks.push({
        file,
        section,
        language: language ?? '',
        code,
        line: markdown.slice(0, match.index).split('\n').length + 1,
      });
  }
  return blocks;
}

/** What an application around a fragment of code would have. */
const examplePrelude = `
import type { Express, RequestHandler } from 'express';
import type { Server } from 'node:http';
import type {
  Auth,
  optionalPrincipalOf as readOptional,
  orgOf as readOrg,
  Principal,
  principalOf as readPrincipal,
  Verifier,
} from 'latchkey';
declare global {
  const app: Express;
  const auth: Auth;
  const verifier: Verifier;
  const principalOf: typeof readPrincipal;
  const optionalPrincipalOf: typeof readOptional;
  const orgOf: typeof readOrg;
  const server: Server;
  const handler: RequestHandler;
  const db: {
    findUser(id: string): Promise<{ roles: string[]; active: boolean } | undefined>;
    findTenant(issuer: string): Promise<{ id: string; issuer: string } | undefined>;
    isOwner(userId: string, resource: string): Promise<boolean>;
    findRoles(userId: string, orgId: string): Promise<string[] | undefined>;
  };
  const bcrypt: { compare(password: string, hash: string): Promise<boolean> };
  const mailer: { send(mail: { to: string; template: string; data: object }): Promise<void> };
}
`;

/** Compiles examples in a project that has the built package, with everything that an application would have around them. Returns what the compiler says. */
export async function compileExamples(
  project: ScratchProject,
  files: readonly string[],
  surroundings = '',
): Promise<string> {
  const preludeFile = await project.write('prelude.ts', `${examplePrelude}${surroundings}`);
  const config = {
    extends: path.join(root, 'tsconfig.json'),
    compilerOptions: {
      rootDir: '/',
      paths: {},
      typeRoots: [path.join(root, 'node_modules/@types')],
      noUnusedLocals: false,
      noUnusedParameters: false,
    },
    include: [],
    files: [preludeFile, ...files],
  };
  const configFile = await project.write('tsconfig.examples.json', JSON.stringify(config));
  const tsc = path.join(root, 'node_modules/.bin/tsc');
  const { stdout } = await run(tsc, [
    ...['-p', configFile, '--pretty', 'false', '--singleThreaded'],
  ]).catch((error: { readonly stdout: string }) => error);
  return stdout;
}
