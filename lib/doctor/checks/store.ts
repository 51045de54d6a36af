import { type Check, settingsCheck, signsTokens } from '../check.js';
import { failed, passed, type Verdict, warned } from '../finding.js';
import { severalProcesses, passingPlatform } from '../surroundings.js';

/** Whether users and sessions are kept, and seen by every instance. */
export const store: Check = settingsCheck('store', (settings, { env }) => {
  if (!signsTokens(settings)) return undefined;
  const { config, origins, hasOwnStore } = settings;
  if (hasOwnStore) return passed("the store is the application's own");
  const name = origins.nameOf('store.url');
  const [scheme = ''] = config.store.url.split(':');
  if (scheme === 'memory') return judgeMemory({ env, name, production: config.production });
  const platform = passingPlatform(env);
  if (scheme === 'file' && platform !== undefined)
    return warned(`the store is an SQLite file, on ${platform}`, {
      why: 'every instance may have a file of its own there, which is lost with the instance: users and sessions with it',
      fix: `set ${name} to postgres://… or redis://…, or make sure that there is one instance with a disk that stays`,
    });
  return passed(scheme === 'file' ? 'the store is an SQLite file' : `the store is ${scheme}:`);
});

interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly name: string;
  readonly production: boolean;
}

function judgeMemory({ env, name, production }: Surroundings): Verdict | undefined {
  const several = severalProcesses(env);
  const fix = `set ${name} to postgres://… or redis://…, or to file:./auth.db for processes of one machine`;
  if (several !== undefined)
    return failed(`the store is memory:, with several processes (${several})`, {
      why: 'each process knows only the users and sessions of its own: people are signed out at random, and limits count apart',
      fix,
    });
  if (!production) return passed('the store is memory:, for development');
  return warned('the store is memory:, in production', {
    why: 'users and sessions end with the process, also at every deployment, and a second instance knows nothing of them',
    fix,
  });
}
