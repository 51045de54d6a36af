import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { allChecks } from '../../lib/doctor/all-checks.js';
import { oldestFit } from '../../lib/doctor/checks/versions.js';
import { root } from '../package/build-package.js';

it('the README of the doctor has every check, in the order of the report', async () => {
  const readme = await readFile(path.join(root, 'lib/doctor/README.md'), 'utf8');
  const section = /^## Checks\n(.*?)^## /ms.exec(readme)?.[1] ?? '';
  const rows = [...section.matchAll(/^\| `([a-z_]+)` /gm)].map(([, name]) => name);
  expect(rows).toEqual(allChecks.map(({ name }) => name));
});

it('the oldest versions that the doctor takes are no older than our peer dependencies', async () => {
  const manifest = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as {
    readonly peerDependencies: Readonly<Record<string, string>>;
  };
  const { peerDependencies: peers } = manifest;
  expect(Object.keys(oldestFit).toSorted()).toEqual(Object.keys(peers).toSorted());
  for (const [name, majors] of Object.entries(oldestFit)) {
    const ranges = (peers[name] ?? '').split(' || ').map((range) => range.slice(1));
    expect(Object.keys(majors)).toEqual(ranges.map((range) => range.split('.')[0]));
    const oldest = Object.values(majors).map((version) => [version, ...ranges].toSorted()[0]);
    expect(oldest.every((each) => each !== undefined && ranges.includes(each))).toBe(true);
  }
});
