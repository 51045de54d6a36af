import { call, member } from './member.js';

/** Whether it is an application of NestJS, known by its shape: the library never loads NestJS. */
export function isNestApp(value: unknown): boolean {
  return ['getHttpAdapter', 'useGlobalGuards', 'init'].every(
    (name) => typeof member(value, name) === 'function',
  );
}

/** What an application of NestJS gives its requests to: with `@nestjs/platform-express`, an application of Express. */
export function expressOf(app: unknown): unknown {
  return isNestApp(app) ? call(call(app, 'getHttpAdapter'), 'getInstance') : undefined;
}
