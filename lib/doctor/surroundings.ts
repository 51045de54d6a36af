import cluster from 'node:cluster';
import type { Environment } from '../config/config.js';

/** What says that there are several processes of the application, such as `WEB_CONCURRENCY=4`; undefined when nothing does. */
export function severalProcesses(env: Environment): string | undefined {
  if (cluster.isWorker) return 'node:cluster';
  if (Number(env['WEB_CONCURRENCY']) > 1) return `WEB_CONCURRENCY=${env['WEB_CONCURRENCY']}`;
  // PM2 writes its settings of the application into the environment, and counts its processes from 0.
  if (env['pm_id'] !== undefined && Number(env['instances']) > 1)
    return `instances=${env['instances']} of PM2`;
  const number = env['NODE_APP_INSTANCE'];
  return Number(number) >= 1 ? `NODE_APP_INSTANCE=${number}` : undefined;
}

/** Platforms by the variable that each sets in every process. */
const PLATFORMS: readonly (readonly [variable: string, name: string])[] = [
  ['AWS_LAMBDA_FUNCTION_NAME', 'AWS Lambda'],
  ['K_SERVICE', 'Cloud Run'],
  ['FUNCTIONS_WORKER_RUNTIME', 'Azure Functions'],
  ['VERCEL', 'Vercel'],
  ['DYNO', 'Heroku'],
  ['ECS_CONTAINER_METADATA_URI_V4', 'Amazon ECS'],
  ['KUBERNETES_SERVICE_HOST', 'Kubernetes'],
];

/** The platform whose instances come and go, with their disks. */
export function passingPlatform(env: Environment): string | undefined {
  return PLATFORMS.find(([variable]) => env[variable])?.[1];
}
/** Platforms whose instances are behind a proxy, always. Kubernetes usually has one, but need not. */
const BEHIND_PROXY: readonly (readonly [variable: string, name: string])[] = [
  ...PLATFORMS.filter(([variable]) => !/^(?:ECS|KUBERNETES)/.test(variable)),
  ['FLY_APP_NAME', 'Fly.io'],
  ['RENDER', 'Render'],
  ['RAILWAY_ENVIRONMENT_ID', 'Railway'],
  ['GAE_SERVICE', 'App Engine'],
  ['WEBSITE_SITE_NAME', 'Azure App Service'],
];

/** The platform that has a proxy before every instance. */
export function proxyPlatform(env: Environment): string | undefined {
  return BEHIND_PROXY.find(([variable]) => env[variable])?.[1];
}
