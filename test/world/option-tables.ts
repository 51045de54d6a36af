import { readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript5';
import { root } from '../package/build-package.js';

/**
 * The names that a declaration file gives to the members of these types, objects inside of them included. `Type#method` stands for the
 * parameters of a method, `namespace *` for the functions of a namespace. What a type takes from others has to be named as well.
 */
export function declaredNames(file: string, ...types: readonly string[]): ReadonlySet<string> {
  const text = readFileSync(path.join(root, 'node_modules', file), 'utf8');
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  return new Set(types.flatMap((type) => namesIn(declarationOf(source, type))));
}

function declarationOf(source: ts.SourceFile, name: string): ts.Node {
  const [type = '', method] = name.split('#');
  let found: ts.Node | undefined;
  const visit = (node: ts.Node, inside: string | undefined): void => {
    const isNamed =
      (ts.isInterfaceDeclaration(node) ||
        ts.isTypeAliasDeclaration(node) ||
        ts.isModuleDeclaration(node)) &&
      node.name.text === type;
    if (isNamed && method === undefined) found ??= node;
    const isMethod = ts.isMethodSignature(node) && node.name.getText() === method;
    if (isMethod && inside === type) found ??= node;
    const next = ts.isInterfaceDeclaration(node) ? node.name.text : inside;
    ts.forEachChild(node, (child) => visit(child, next));
  };
  visit(source, undefined);
  if (!found) throw new Error(`${source.fileName} declares no ${name}`);
  return found;
}

function namesIn(declaration: ts.Node): readonly string[] {
  const names: string[] = [];
  const visit = (node: ts.Node): void => {
    // What a function takes or returns is no member.
    if (ts.isFunctionTypeNode(node)) return;
    const isMember =
      ts.isPropertySignature(node) || ts.isMethodSignature(node) || ts.isFunctionDeclaration(node);
    if (isMember && node !== declaration && node.name)
      names.push(
        ts.isStringLiteral(node.name) || ts.isIdentifier(node.name)
          ? node.name.text
          : node.name.getText(),
      );
    if (isMember && !ts.isPropertySignature(node) && node !== declaration) return;
    ts.forEachChild(node, visit);
  };
  visit(declaration);
  return names;
}

/** The names in the first column of the tables under a heading of a README in `examples/moving-from`; `cookie.path` counts as `path`. */
export function tabledNames(folder: string, heading: string): ReadonlySet<string> {
  const file = path.join(root, 'examples/moving-from', folder, 'README.md');
  const text = `${readFileSync(file, 'utf8')}\n## `;
  const start = text.indexOf(`\n## ${heading}\n`);
  if (start === -1) throw new Error(`${file} has no section "${heading}"`);
  const section = text.slice(start, text.indexOf('\n## ', start + 1));
  const cells = [...section.matchAll(/^\| (.+?) +\|/gm)].map(([, cell = '']) => cell);
  return new Set(
    cells.flatMap((cell) =>
      [...cell.matchAll(/`(?:\w+\.)*([^`]+)`/g)].map(([, name = '']) => name),
    ),
  );
}
