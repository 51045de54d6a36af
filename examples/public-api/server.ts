import { runExample } from '../run-example.js';
import { createDemo } from './demo/create-demo.js';

runExample(async (origin) => {
  const { app, auth, isStandIn } = await createDemo(origin, process.env);
  return { app, instructions: instructions(origin, isStandIn), close: () => auth.close() };
});

function instructions(origin: string, isStandIn: boolean): string {
  const github = isStandIn
    ? 'A stand-in for GitHub signs you in as ada or grace, who have projects, without a password.'
    : `GitHub signs you in, where the callback URL is {AUTH_PUBLIC_URL}/auth/callback/github.`;
  return `
Projects on ${origin}/. Ctrl-C ends it.
${github}
Make an API key for one of your projects there, and try the curl line that comes with it. Or without any:

curl ${origin}/api/projects          # the public ones
curl -i ${origin}/api/projects/mine  # 401: the own ones want a user
`;
}
