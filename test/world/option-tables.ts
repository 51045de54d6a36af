import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type TypeScript from 'typescript5';
import { root } from '../package/build-package.js';

// An import would search nine megabytes for names to export, which takes longer than to run them.
const ts: typeof TypeScript = createRequire(import.meta.url)('typescript5');

/**
 * The names that a declaration file gives to the members of these types, objects inside of them included. `Type#method` stands for the
 * parameters of a method, `namespace *` for the functions of a namespace. What a type takes from others has to be named as well.
 */
export function declaredNames(file: string, ...types: readonly string[]): ReadonlySet<string> {
  const source = readDeclarations(file);
  return new Set(types.flatMap((type) => namesIn(declarationOf(source, type))));
}

/** The names that a declaration file exports, those of types included. */
export function exportedNames(file: string): ReadonlySet<string> {
  const source = readDeclarations(file);
  return new Set(source.statements.flatMap((statement) => exportsOf(statement)));
}

function readDeclarations(file: string): TypeScript.SourceFile {
  const text = readFileSync(path.join(root, 'node_modules', file), 'utf8');
  return ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
}

function exportsOf(statement: TypeScript.Statement): readonly string[] {
  if (ts.isExportDeclaration(statement) && statement.exportClause)
    return ts.isNamedExports(statement.exportClause)
      ? statement.exportClause.elements.map(({ name }) => name.text)
      : [];
  const isExported =
    ts.canHaveModifiers(statement) &&
    ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
  if (!isExported) return [];
  if (ts.isVariableStatement(statement))
    return statement.declarationList.declarations.map(({ name }) => name.getText());
  const isNamed =
    ts.isClassDeclaration(statement) ||
    ts.isFunctionDeclaration(statement) ||
    ts.isInterfaceDeclaration(statement) ||
    ts.isModuleDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement);
  return isNamed && statement.name ? [statement.name.text] : [];
}

/** The texts that a type allows, as in `type Kind = 'a' | 'b'`. */
export function declaredTexts(file: string, type: string): ReadonlySet<string> {
  const source = readDeclarations(file);
  const texts: string[] = [];
  const visit = (node: TypeScript.Node): void => {
    if (ts.isStringLiteral(node)) texts.push(node.text);
    ts.forEachChild(node, visit);
  };
  visit(declarationOf(source, type));
  return new Set(texts);
}

function declarationOf(source: TypeScript.SourceFile, name: string): TypeScript.Node {
  const [type = '', method] = name.split('#');
  let found: TypeScript.Node | undefined;
  const visit = (node: TypeScript.Node, inside: string | undefined): void => {
    const isNamed =
      (ts.isInterfaceDeclaration(node) ||
        ts.isTypeAliasDeclaration(node) ||
        ts.isClassDeclaration(node) ||
        ts.isModuleDeclaration(node)) &&
      node.name?.text === type;
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

function namesIn(declaration: TypeScript.Node): readonly string[] {
  const names: string[] = [];
  const visit = (node: TypeScript.Node): void => {
    // What a function takes or returns is no member.
    if (ts.isFunctionTypeNode(node)) return;
    const isMember =
      ts.isPropertySignature(node) ||
      ts.isPropertyDeclaration(node) ||
      ts.isMethodSignature(node) ||
      ts.isMethodDeclaration(node) ||
      ts.isFunctionDeclaration(node);
    if (isMember && node !== declaration && node.name)
      names.push(
        ts.isStringLiteral(node.name) || ts.isIdentifier(node.name)
          ? node.name.text
          : node.name.getText(),
      );
    const isFunction = isMember && !ts.isPropertySignature(node) && !ts.isPropertyDeclaration(node);
    if (isFunction && node !== declaration) return;
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
