import { createAuth } from 'latchkey';
import { createHandler } from './app.js';

// Configured by AUTH_* variables of the function: see the README.
const auth = createAuth();

// While Lambda starts the process: keys are fetched, the store is connected. What fails is tried again by the first request.
await auth.ready().catch(() => undefined);

export const handler = createHandler({
  auth,
  sendMail: ({ kind, to }) => {
    // Send a message to your queue here, and wait for its answer.
    console.log(`mail of the kind ${kind} to ${to.replace(/^[^@]*/, '…')}`);
  },
});
