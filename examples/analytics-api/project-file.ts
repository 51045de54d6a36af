import { readFileSync } from 'node:fs';
import path from 'node:path';
import { isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml';

/** The project file can't be used. The message has every problem with its line, and quotes no value. */
export class ProjectError extends Error {
  override readonly name = 'ProjectError';

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
  }
}

export type Steps = readonly PropertyKey[];
export type Environment = Readonly<Record<string, string | undefined>>;

export interface ProjectFile {
  readonly tree: unknown;
  /** Where the file has what these steps lead to, or the last of them that it has: `project.yaml:12`. */
  readonly placeOf: (steps: Steps) => string;
}

/** Reads YAML, and puts variables in. */
export function readProjectFile(file: string, env: Environment): ProjectFile {
  const lineCounter = new LineCounter();
  const document = parseDocument(readFileSync(file, 'utf8'), {
    lineCounter,
    // Pretty errors quote the line, where a secret may stand.
    prettyErrors: false,
    logLevel: 'silent',
  });
  const place = (offset: number): string =>
    `${path.basename(file)}:${lineCounter.linePos(offset).line}`;

  const flaws = [...document.errors, ...document.warnings];
  refuse(flaws.map(({ pos, code }) => `${place(pos[0])}: is not valid YAML (${code})`));

  const missing: string[] = [];
  visit(document, {
    Scalar(key, node) {
      if (key === 'key' || typeof node.value !== 'string') return undefined;
      const text = replaceVariables(node.value, env, (name) => {
        missing.push(
          `${place(startOf(node) ?? 0)}: set the variable ${name}, or write \${${name}:-…}`,
        );
      });
      if (text === node.value) return undefined;
      node.value = text === '' ? null : text;
      return undefined;
    },
  });
  refuse(missing);

  return {
    tree: document.toJS({ maxAliasCount: 100 }),
    placeOf(steps) {
      let node: unknown = document.contents;
      let offset = startOf(node) ?? 0;
      for (const step of steps) {
        const { start, child } = stepInto(node, step);
        if (start === undefined) break;
        offset = start;
        node = child;
      }
      return place(offset);
    },
  };
}

export function refuse(problems: readonly string[]): void {
  if (problems.length > 0) throw new ProjectError(problems);
}

/** A member of a map is where its key is. */
function stepInto(
  node: unknown,
  step: PropertyKey,
): { start?: number | undefined; child?: unknown } {
  if (isSeq(node)) {
    const child = node.items[Number(step)];
    return { start: startOf(child), child };
  }
  const pair = isMap(node) && node.items.find(({ key }) => isScalar(key) && key.value === step);
  return pair ? { start: startOf(pair.key), child: pair.value } : {};
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}

const VARIABLE = /\$\{([A-Za-z_]\w*)(?::-([^}]*))?\}/g;

function replaceVariables(
  text: string,
  env: Environment,
  onMissing: (name: string) => void,
): string {
  return text.replace(VARIABLE, (_match, name: string, fallback?: string) => {
    const value = (Object.hasOwn(env, name) && env[name]) || fallback;
    if (value === undefined) onMissing(name);
    return value ?? '';
  });
}
