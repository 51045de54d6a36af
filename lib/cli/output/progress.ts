import type { Terminal } from '../terminal.js';

const PATIENCE_MS = 1000;

/**
 * Waits for work. From one second on, a line on standard error says what is waited for and how long it has taken; it is
 * gone when the work is done. Says nothing where standard error is no terminal.
 */
export async function withProgress<Result>(
  { isTty, complain, env }: Terminal,
  words: string,
  work: Promise<Result>,
): Promise<Result> {
  if (isTty?.stderr !== true || env['TERM'] === 'dumb') return work;
  let seconds = 0;
  const tell = () => complain(`\r${words} … ${(seconds += 1)} s`);
  // It keeps nothing alive: that an application waits for nothing any more has to show.
  const timer = setInterval(tell, PATIENCE_MS).unref();
  try {
    return await work;
  } finally {
    clearInterval(timer);
    if (seconds > 0) complain('\r\u001B[K');
  }
}
