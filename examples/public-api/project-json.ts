import { membersOf } from './json-object.js';
import type { Project } from './projects.js';
import { Refusal } from './refusal.js';

/** What its owner decides about a project. */
type Content = Omit<Project, 'id' | 'ownerId' | 'owner'>;

/** A project as clients see it. Documents and addresses have routes of their own. */
export function present({ id, name, description, private: isPrivate, owner }: Project) {
  return { id, name, description, private: isPrivate, owner };
}

/** Reads a whole project: what is left out is empty, and the project public. */
export function readProject(body: unknown): Content {
  const { name, ...rest } = readChange(body);
  if (name === undefined) throw new Refusal(400, 'A project has a name');
  return { description: '', private: false, docs: '', addresses: [], ...rest, name };
}

/** Reads the members that are there. */
export function readChange(body: unknown): Partial<Content> {
  const members = membersOf(body);
  for (const [member, value] of Object.entries(members))
    if (!MEMBERS.get(member)?.(value)) throw new Refusal(400, `${member} is not what it should be`);
  return members;
}

const isText = (value: unknown): boolean => typeof value === 'string' && value.length <= 10_000;

const MEMBERS: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  ['name', (value: unknown) => isText(value) && value !== ''],
  ['description', isText],
  ['docs', isText],
  ['private', (value: unknown) => typeof value === 'boolean'],
  ['addresses', (value: unknown) => Array.isArray(value) && value.every(isText)],
]);
