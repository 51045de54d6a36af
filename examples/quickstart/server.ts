import path from 'node:path';
import { runExample } from '../run-example.js';
import { openDataFolder } from './data-folder.js';
import { addDemoUsers } from './demo-users.js';
import { instructions } from './instructions.js';
import { createQuickstart } from './quickstart.js';

const folder = process.env.QUICKSTART_DATA ?? path.join(import.meta.dirname, 'data');

runExample(async (origin) => {
  const data = openDataFolder(path.resolve(folder));
  const { app, auth } = await createQuickstart(origin, data);
  const passwords = await addDemoUsers(auth);
  const api = `http://127.0.0.1:${new URL(origin).port}`;
  return {
    app,
    instructions: instructions({
      api,
      origin,
      dataFolder: data.path,
      mails: data.mails,
      passwords,
    }),
    close: () => auth.close(),
  };
});
