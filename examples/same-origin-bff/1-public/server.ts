import { runExample } from '../../run-example.js';
import { createApp } from './app.js';

runExample(async (origin) => ({
  app: createApp(origin),
  instructions: `Open ${origin}/ in a browser: everybody sees everything.`,
  close: async () => undefined,
}));
