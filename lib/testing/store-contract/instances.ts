import assert from 'node:assert/strict';
import { awkwardTexts, type Check, pause, randomName } from './connections.js';

const MINUTE_MS = 60_000;

export const instanceChecks: Readonly<Record<string, Check>> = {
  'instances.report: every instance sees the latest report of each': async ({ one, two }) => {
    const [first, second] = [randomName(), randomName()];
    await one.instances.report({ id: first, data: 'former' }, MINUTE_MS);
    await one.instances.report({ id: first, data: awkwardTexts.join() }, MINUTE_MS);
    const reports = await two.instances.report({ id: second, data: '2' }, MINUTE_MS);
    const ours = reports.filter(({ id }) => id === first || id === second);
    assert.equal(ours.length, 2);
    assert.equal(ours.find(({ id }) => id === first)?.data, awkwardTexts.join());
    for (const { ageMs } of ours) assert.ok(ageMs >= 0 && ageMs < MINUTE_MS);
    for (const id of [first, second]) await one.instances.leave(id);
  },
  'instances.report: one that is too old is forgotten': async ({ one, two }) => {
    const [old, young] = [randomName(), randomName()];
    await one.instances.report({ id: old, data: '' }, MINUTE_MS);
    await pause(20);
    const reports = await two.instances.report({ id: young, data: '' }, 10);
    assert.ok(!reports.some(({ id }) => id === old));
    assert.ok(reports.some(({ id }) => id === young));
    await one.instances.leave(young);
  },
  'instances.leave: forgets an instance, and minds none that is not there': async ({
    one,
    two,
  }) => {
    const [left, stays] = [randomName(), randomName()];
    await one.instances.report({ id: left, data: '' }, MINUTE_MS);
    await two.instances.leave(left);
    await two.instances.leave(left);
    const reports = await two.instances.report({ id: stays, data: '' }, MINUTE_MS);
    assert.ok(!reports.some(({ id }) => id === left));
    await one.instances.leave(stays);
  },
};
