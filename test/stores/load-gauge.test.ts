import { describe, expect, it } from 'vitest';
import { createLoadGauge } from '../../lib/stores/steady/load-gauge.js';

/** A gauge and its clock, with so many operations that have begun at once. */
function gaugeWith(waiting: number) {
  const gauge = createLoadGauge();
  let time = 0;
  const begin = (count: number): void => {
    for (let begun = 0; begun < count; begun += 1) gauge.begin(time);
  };
  begin(waiting);
  return {
    begin,
    isOverloaded: () => gauge.isOverloaded(time),
    answer(count = 1, isAnswered = true): void {
      for (let ended = 0; ended < count; ended += 1) gauge.end(time, isAnswered);
    },
    /** Time passes, with a look at the gauge every 50 ms, as requests cause it. */
    pass(ms: number, each: () => void = () => undefined): void {
      for (let passed = 0; passed < ms; passed += 50) {
        time += 50;
        each();
        gauge.isOverloaded(time);
      }
    },
    /** The process itself is busy. */
    block: (ms: number) => void (time += ms),
  };
}

describe('a store that answers', () => {
  it('is not overloaded by a thousand operations at once', () => {
    const gauge = gaugeWith(1000);
    expect(gauge.isOverloaded()).toBe(false);
    gauge.pass(2000, () => gauge.answer(25));
    expect(gauge.isOverloaded()).toBe(false);
  });

  it('is not overloaded while each waits less than three seconds', () => {
    const gauge = gaugeWith(100);
    gauge.pass(10_000, () => {
      gauge.answer(2);
      gauge.begin(2);
    });
    expect(gauge.isOverloaded()).toBe(false);
  });

  it('is overloaded when more wait than it answers in three seconds, and no more when they have been answered', () => {
    const gauge = gaugeWith(300);
    gauge.pass(1500, () => gauge.answer(1));
    expect(gauge.isOverloaded()).toBe(true);
    gauge.pass(3000, () => gauge.answer(4));
    expect(gauge.isOverloaded()).toBe(false);
  });

  it('is judged by nothing that it did while few were waiting', () => {
    const gauge = gaugeWith(1);
    gauge.pass(20_000, () => {
      gauge.answer();
      gauge.begin(1);
    });
    gauge.begin(500);
    expect(gauge.isOverloaded()).toBe(false);
  });
});

describe('a store that has stopped answering', () => {
  it('is overloaded after a second', () => {
    const gauge = gaugeWith(16);
    gauge.pass(900);
    expect(gauge.isOverloaded()).toBe(false);
    gauge.pass(200);
    expect(gauge.isOverloaded()).toBe(true);
  });

  it('is never overloaded by fewer than sixteen: they find out when it answers again', () => {
    const gauge = gaugeWith(15);
    gauge.pass(10_000);
    expect(gauge.isOverloaded()).toBe(false);
  });

  it('stays overloaded when those who waited have given up, but for sixteen', () => {
    const gauge = gaugeWith(100);
    gauge.pass(4000);
    gauge.answer(100, false);
    expect(gauge.isOverloaded()).toBe(false);
    gauge.begin(16);
    expect(gauge.isOverloaded()).toBe(true);
  });

  it('is as good as new when those who waited are answered', () => {
    const gauge = gaugeWith(16);
    gauge.pass(4000);
    gauge.answer(16);
    gauge.begin(1000);
    expect(gauge.isOverloaded()).toBe(false);
  });

  it('is as good as new when nobody has asked for five seconds', () => {
    const gauge = gaugeWith(16);
    gauge.pass(4000);
    gauge.answer(16, false);
    gauge.block(6000);
    gauge.begin(1000);
    expect(gauge.isOverloaded()).toBe(false);
  });
});

it('a process that was busy for four seconds blames nobody else', () => {
  const gauge = gaugeWith(200);
  gauge.block(4000);
  expect(gauge.isOverloaded()).toBe(false);
  gauge.answer(200);
  expect(gauge.isOverloaded()).toBe(false);
});

describe('a kind of operation', () => {
  it('is served while nothing of it waits, and for a second after an answer', () => {
    const gauge = createLoadGauge();
    expect(gauge.isServed(0)).toBe(true);
    gauge.begin(0);
    expect(gauge.isServed(0)).toBe(false);
    gauge.begin(100);
    gauge.end(100, true);
    expect(gauge.isServed(1099)).toBe(true);
    expect(gauge.isServed(1100)).toBe(false);
    gauge.end(1200, false);
    expect(gauge.isServed(1200)).toBe(true);
  });
});
