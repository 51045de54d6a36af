import { didYouMean, nearestNames } from '../../known-options.js';
import { type Check, settingsCheck } from '../check.js';
import { failed, passed, warned } from '../finding.js';

/** Whether `createAuth()` takes the settings. */
export const configuration: Check = {
  name: 'configuration',
  judge({ problems, settings, application }) {
    const found = problems.map(({ setting, problem, fix }) =>
      failed(`${setting} ${problem}`, { why: 'createAuth() does not start with it', fix }),
    );
    if (application?.auths.length === 0)
      return warned('createAuth() is not called while the file is loaded', {
        why: 'settings, keys and store are not looked at',
        fix: 'give the file that starts the application; or give none, and AUTH_… variables are looked at',
      });
    if (found.length > 0 || !settings) return found;
    return passed('every setting can be read, and they fit together');
  },
};

/** What `loadConfig()` warns of, which is otherwise seen when the application starts. */
export const configWarnings: Check = settingsCheck('config_warnings', ({ origins }) =>
  origins.warnings.map(({ setting, problem, why, fix }) =>
    warned(`${setting} ${problem}`, { why, fix }),
  ),
);

/** Only in production are some settings required, and others refused. */
export const nodeEnv: Check = {
  name: 'node_env',
  judge({ env, settings }) {
    const production = settings?.config.production ?? env['NODE_ENV']?.trim() === 'production';
    if (production) return passed('NODE_ENV is production');
    return warned('NODE_ENV is not production', {
      why: 'weaker settings pass, error answers say more than they should, and what production demands is not checked',
      fix: 'set NODE_ENV=production where the application runs, and for npx latchkey doctor',
    });
  },
};

/** Development's way in. Production refuses both settings by itself. */
export const devToken: Check = settingsCheck('dev_token', ({ config, origins }) => {
  if (config.production || !config.standalone) return undefined;
  return warned(`${origins.nameOf('standalone')} is on`, {
    why: `every request without a credential is that of ${origins.nameOf('devToken')}`,
    fix: 'keep it out of every environment that others can reach; production refuses it',
  });
});

/** A misspelt name accepts nothing. */
export function acceptedWarnings(checks: readonly Check[]): Check {
  const known = checks.map(({ name }) => name);
  return settingsCheck('accepted_warnings', ({ config, origins }) =>
    config.acceptedWarnings.flatMap((name) => {
      const cure = known.includes(name) ? undefined : didYouMean(nearestNames(name, known));
      if (cure === undefined) return [];
      const says = `${origins.nameOf('acceptedWarnings')} has ${name}, which is no check`;
      return warned(says, { why: 'it accepts nothing', fix: cure });
    }),
  );
}
