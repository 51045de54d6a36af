import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { member } from '../../audit/member.js';
import { replaceMember } from './replace-member.js';

/**
 * Hears of each application of NestJS in a project that has one, when it has added its routes: servers know only the application of
 * Express inside it. Returns what ends that.
 */
export function onNestInit(file: string, listener: (app: unknown) => void): () => void {
  const prototype = member(member(nestOf(file), 'NestApplication'), 'prototype');
  const init = member(prototype, 'init');
  if (typeof prototype !== 'object' || prototype === null || typeof init !== 'function')
    return () => undefined;
  return replaceMember(prototype, 'init', async function initialize(this: unknown) {
    const app: unknown = await Reflect.apply(init, this, []);
    listener(this);
    return app;
  });
}

/** The copy of NestJS that the application uses. */
function nestOf(file: string): unknown {
  try {
    return dependsOnNest(path.dirname(file)) ? createRequire(file)('@nestjs/core') : undefined;
  } catch {
    // Not installed: the application will say so.
    return undefined;
  }
}

/** Loaded only where it is wanted, because that takes a while. */
function dependsOnNest(folder: string): boolean {
  const dependencies = member(readPackage(folder), 'dependencies');
  const parent = path.dirname(folder);
  if (member(dependencies, '@nestjs/core') !== undefined) return true;
  return parent !== folder && dependsOnNest(parent);
}

function readPackage(folder: string): unknown {
  try {
    return JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  } catch {
    return undefined;
  }
}
