import { describe, expect, it } from 'vitest';
import { createRefreshAttempts } from '../../lib/sessions/refresh-attempts.js';
import { createStoreSilence } from '../../lib/sessions/store-silence.js';

/** A memory of silences, and a clock that goes to the second that a step is given. */
function silenceAt(options: { readonly graceSeconds?: number } = {}) {
  let time = 0;
  const silence = createStoreSilence(() => time * 1000, options);
  return {
    silence,
    now: () => time * 1000,
    go: (seconds: number) => void (time = seconds),
    fails: (from: number, until: number, operation = 'sessions.rotate'): void => {
      time = until;
      silence.failed(from * 1000, operation);
    },
    answers: (at: number, operation = 'sessions.rotate'): void => {
      time = at;
      silence.answered(at * 1000, operation);
    },
    answeredSeconds: (start: number, end: number) =>
      silence.answeredMs({ start: start * 1000, end: end * 1000 }) / 1000,
    ownSeconds: () => silence.own().map(({ start, end }) => [start / 1000, end / 1000]),
  };
}

describe('a silence of the store', () => {
  it('lasts from the call that failed to the next answer, however late that comes', () => {
    const { fails, answers, ownSeconds, answeredSeconds } = silenceAt();
    fails(3, 8);
    fails(10, 15);
    answers(40);
    expect(ownSeconds()).toEqual([[3, 40]]);
    expect(answeredSeconds(0, 50)).toBe(13);
    expect(answeredSeconds(10, 20)).toBe(0);
  });

  it('goes on until now, and is not inferred from a lack of operations', () => {
    const { go, fails, answers, ownSeconds, answeredSeconds } = silenceAt();
    answers(1);
    go(100);
    answers(101);
    expect(answeredSeconds(0, 101)).toBe(101);
    fails(102, 103);
    go(130);
    expect(ownSeconds()).toEqual([[102, 130]]);
  });

  it('goes on while other operations are answered, until a client that asks again would have come', () => {
    const { go, fails, answers, ownSeconds } = silenceAt();
    fails(0, 5);
    answers(5, 'once.incr');
    go(9);
    expect(ownSeconds()).toEqual([[0, 9]]);
    fails(10, 15);
    answers(16, 'once.incr');
    go(60);
    expect(ownSeconds()).toEqual([[0, 25]]);
    fails(70, 71);
    answers(72);
    expect(ownSeconds()).toEqual([
      [0, 25],
      [70, 72],
    ]);
  });

  it('ends with the answer of the operation that failed', () => {
    const { go, fails, answers, ownSeconds } = silenceAt();
    fails(0, 5);
    answers(5.1);
    go(20);
    expect(ownSeconds()).toEqual([[0, 5.1]]);
  });

  it('is none when the operation has nothing to do with refreshing', () => {
    const { fails, ownSeconds } = silenceAt();
    fails(0, 5, 'sessions.sweep');
    fails(0, 5, 'credentials.touch');
    expect(ownSeconds()).toEqual([]);
  });

  it('counts a connection that could not be had, until something is read', () => {
    const { fails, answers, ownSeconds } = silenceAt();
    fails(0, 4, 'together');
    answers(6, 'sessions.get');
    expect(ownSeconds()).toEqual([[0, 6]]);
  });

  it('is forgotten after a minute of answers', () => {
    const { go, fails, answers, ownSeconds } = silenceAt();
    fails(0, 5);
    answers(6);
    fails(60, 600);
    answers(601);
    expect(ownSeconds()).toHaveLength(2);
    go(620);
    expect(ownSeconds()).toEqual([[60, 601]]);
    go(662);
    expect(ownSeconds()).toEqual([]);
  });

  it('is remembered for as long as the grace, where that is longer', () => {
    const { go, fails, answers, ownSeconds } = silenceAt({ graceSeconds: 3600 });
    fails(0, 5);
    answers(6);
    go(3600);
    expect(ownSeconds()).toEqual([[0, 6]]);
    go(3607);
    expect(ownSeconds()).toEqual([]);
  });

  it.each([{}, { graceSeconds: 3600 }])(
    'takes little memory, however often the store comes and goes: %j',
    (options) => {
      const { fails, answers, ownSeconds } = silenceAt(options);
      for (let round = 0; round < 20_000; round += 1) {
        fails(round * 0.5, round * 0.5 + 0.1);
        answers(round * 0.5 + 0.2);
      }
      expect(ownSeconds().length).toBeLessThan(250);
    },
  );

  it('of another instance counts once with its own', () => {
    const { silence, fails, answers, answeredSeconds } = silenceAt();
    fails(0, 5);
    answers(10);
    silence.learn([{ start: 5000, end: 15_000 }]);
    expect(answeredSeconds(0, 20)).toBe(5);
    silence.learn([]);
    expect(answeredSeconds(0, 20)).toBe(10);
  });
});

describe('attempts that got no answer', () => {
  const tokenOf = (at: number): string =>
    `r1.AAAAAAAA.${String(at).padStart(22, '0')}.0.${'m'.repeat(43)}`;

  function attemptsAt() {
    const world = silenceAt();
    const attempts = createRefreshAttempts(world);
    return {
      ...world,
      attempts,
      arrival: (at: number, token: string): number => {
        world.go(at);
        return attempts.arrivalOf(token, world.now()) / 1000;
      },
      refuse: (at: number, token: string): void => {
        world.go(at);
        attempts.unanswered(token, attempts.arrivalOf(token, world.now()));
      },
    };
  }

  it('count from the first one of the row, each for its own token', () => {
    const { arrival, refuse } = attemptsAt();
    refuse(1, tokenOf(1));
    refuse(20, tokenOf(1));
    expect(arrival(45, tokenOf(1))).toBe(1);
    expect(arrival(45, tokenOf(2))).toBe(45);
  });

  it('are no row when the next one comes half a minute of answers later', () => {
    const { arrival, refuse } = attemptsAt();
    refuse(1, tokenOf(1));
    expect(arrival(32, tokenOf(1))).toBe(32);
  });

  it('are a row over a silence, however long', () => {
    const { arrival, refuse, fails, answers } = attemptsAt();
    refuse(1, tokenOf(1));
    fails(1, 2);
    answers(900);
    expect(arrival(905, tokenOf(1))).toBe(1);
  });

  it('end with an answer', () => {
    const { arrival, refuse, attempts } = attemptsAt();
    refuse(1, tokenOf(1));
    attempts.answered(tokenOf(1));
    expect(arrival(2, tokenOf(1))).toBe(2);
  });

  it('of forged tokens push out the oldest ones, and help no token but themselves', () => {
    const { arrival, refuse } = attemptsAt();
    refuse(1, tokenOf(0));
    for (let forged = 1; forged <= 20_000; forged += 1) refuse(2, tokenOf(forged));
    expect(arrival(3, tokenOf(0))).toBe(3);
    expect(arrival(3, tokenOf(20_000))).toBe(2);
    expect(arrival(3, tokenOf(20_001))).toBe(3);
  });

  it('with what cannot be a token are not remembered', () => {
    const { arrival, refuse } = attemptsAt();
    refuse(1, 'x'.repeat(100_000));
    expect(arrival(2, 'x'.repeat(100_000))).toBe(2);
  });
});
