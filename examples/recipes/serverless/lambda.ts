import { setTimeout as wait } from 'node:timers/promises';
import { createAuth } from 'latchkey';
import { createHandler } from './app.js';

// Configured by AUTH_* variables of the function: see the README.
const auth = createAuth();

// While Lambda starts the process, for which it gives ten seconds: keys are fetched, the store is connected. What fails, or takes
// longer, is left to the first request.
const patience = wait(5000, undefined, { ref: false });
await Promise.race([auth.ready(), patience]).catch(() => undefined);

export const handler = createHandler({
  auth,
  sendMail: ({ kind, to }) => {
    // Send a message to your queue here, and wait for its answer.
    console.log(`mail of the kind ${kind} to ${to.replace(/^[^@]*/, '…')}`);
  },
});
