import { type Check, settingsCheck, signsTokens } from '../check.js';
import { passed, warned } from '../finding.js';

/** Keys of a test system open nothing in production only while they say that they are of one. */
export const apiKeys: Check = settingsCheck('api_keys', ({ config, origins }) => {
  const { acceptApiKeys, apiKeyEnvironment: environment, production } = config;
  if (!acceptApiKeys) return undefined;
  const name = origins.nameOf('apiKeyEnvironment');
  if ((environment === 'live') === production)
    return passed(`API keys begin with lk_${environment}_`);
  const says = `API keys begin with lk_${environment}_${production ? ', in production' : ', outside of production'}`;
  if (production && !/^(?:dev|test|stag|local)/.test(environment)) return passed(says);
  if (!production && environment !== 'live') return passed(says);
  return warned(says, {
    why: 'keys of a test system and of production cannot be told apart, and scanners for leaked secrets judge them wrongly',
    fix: `remove ${name}: it is live in production and dev elsewhere`,
  });
});

/** Without mail, a user who has forgotten the password needs an administrator. */
export const mail: Check = {
  name: 'mail',
  judge({ settings, application }) {
    const routers = application?.auths.flatMap((auth) => auth.routers) ?? [];
    if (!settings || !signsTokens(settings) || routers.length === 0) return undefined;
    const { config, origins } = settings;
    if (!config.passwordLogin) return undefined;
    if (routers.some(({ sendMail }) => sendMail))
      return passed('forgotten passwords are reset by mail');
    return warned('users sign in with passwords, and no mail is sent', {
      why: 'a user who has forgotten the password cannot get a new one without an administrator (npx latchkey users reset)',
      fix: `give auth.router({ sendMail }), or turn ${origins.nameOf('passwordLogin')} off where users sign in with a provider only`,
    });
  },
};
