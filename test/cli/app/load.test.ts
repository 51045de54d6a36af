import fs, { writeFileSync } from 'node:fs';
import cluster from 'node:cluster';
import { Server } from 'node:net';
import path from 'node:path';
import { NestApplication } from '@nestjs/core';
import { describe, expect, it } from 'vitest';
import { auditRoutes } from '../../../lib/audit/route-table.js';
import { loadApp } from '../../../lib/cli/app/load.js';
import { LoadFailure } from '../../../lib/cli/app/load-failure.js';
import { UsageError } from '../../../lib/cli/usage-error.js';
import { createAppFolder } from '../../world/app-folder.js';
import { SECRET } from '../../world/auth-server.js';
import { serve } from '../../world/serve.js';

const folder = createAppFolder();
const { write } = folder;

/** Loads a module, and tells what there is in it and what it has printed. */
async function load(file: string, patienceMs = 10_000) {
  let stderr = '';
  const terminal = {
    env: {},
    read: () => process.stdin,
    print: () => expect.unreachable('only a command prints'),
    complain: (text: string) => void (stderr += text),
  };
  const before = processNow();
  try {
    const loaded = await loadApp(file, terminal, { patienceMs });
    const all = loaded.apps.map(auditRoutes);
    await loaded.close();
    const routes = all.map((each) => each.map(({ path: at }) => at));
    const isGuarded = all.flat().every(({ protection }) => protection === 'guarded');
    return { routes, isGuarded, auths: loaded.auths.length, stderr };
  } finally {
    expect(processNow()).toEqual(before);
  }
}

/** What loading replaces. */
const processNow = () => [
  Object.getOwnPropertyDescriptor(Server.prototype, 'listen'),
  Object.getOwnPropertyDescriptor(process.stdout, 'write'),
  ...[process.argv, Reflect.get(process, 'exit'), Reflect.get(process, 'abort')],
  ...[
    NestApplication.prototype.init.name,
    Reflect.get(cluster, 'fork'),
    process.listenerCount('beforeExit'),
  ],
  ...[process.rawListeners('uncaughtException'), process.rawListeners('unhandledRejection')],
  ...[process.rawListeners('SIGINT'), process.rawListeners('SIGTERM')],
  ...[process.rawListeners('exit'), ...[fs.write, fs.writeSync, fs.writev, fs.writevSync]],
];

const express = `import express from 'express';
const app = express();
app.get('/found', (req, res) => res.end());
`;

describe('finds an application', () => {
  it.each([
    { title: 'that is the default export', source: `${express} export default app;` },
    { title: 'that is a named export', source: `${express} export { app as api };` },
    { title: 'that is promised', source: `${express} export const app2 = Promise.resolve(app);` },
    { title: 'that listens', source: `${express} app.listen(3000);` },
    {
      title: 'that listens after a while, unawaited',
      source: `${express} setTimeout(() => app.listen(3000), 5);`,
    },
    {
      title: 'whose routes come after the module has loaded',
      source: `import express from 'express';
        export const app = express();
        setTimeout(() => app.get('/found', (req, res) => res.end()).listen(3000), 5);`,
    },
    {
      title: 'that a listening server gets later',
      source: `import { createServer } from 'node:http'; ${express}
        const server = createServer().listen(3000, '127.0.0.1', () => server.on('request', app));`,
    },
    ...['http', 'https', 'http2'].map((name) => ({
      title: `behind a server of ${name}`,
      source: `import * as http from 'node:${name}'; ${express}
        (http.createSecureServer ?? http.createServer)({}, app).listen({ port: 3000 });`,
    })),
    {
      title: 'that is exported as its server',
      source: `${express} export const server = app.listen(3000);`,
    },
    {
      title: 'that only the main module starts',
      source: `import { pathToFileURL } from 'node:url'; ${express}
        if (import.meta.url === pathToFileURL(process.argv[1]).href) app.listen(3000);`,
    },
    {
      title: 'once, with the one that is mounted in it',
      source: `${express}
        const outer = express().use(app);
        export { app, outer };
        outer.listen(3000);`,
    },
    {
      title: 'of CommonJS',
      source: `const express = require('express');
        module.exports = express().get('/found', (req, res) => res.end());`,
      kind: 'cjs' as const,
    },
    {
      title: 'of CommonJS, in an object, with Express 4',
      source: `const express = require('express4');
        exports.app = express().get('/found', (req, res) => res.end());
        if (require.main === module) exports.app.listen(3000);`,
      kind: 'cjs' as const,
    },
  ])('$title', async ({ source, kind }) => {
    const { routes, stderr } = await load(write(source, kind));
    expect(routes).toEqual([['/found']]);
    expect(stderr).toBe('');
  });

  it('that is exported without routes and listens later than another one', async () => {
    const source = `import express from 'express';
      express().get('/metrics', (req, res) => res.end()).listen(3001);
      export const app = express();
      setTimeout(() => app.get('/found', (req, res) => res.end()).listen(3000), 5);`;
    expect((await load(write(source))).routes).toEqual([['/found'], ['/metrics']]);
  });

  it('or several', async () => {
    const source = `${express}
      express().get('/admin', (req, res) => res.end()).listen(3001);
      app.listen(3000);`;
    expect((await load(write(source))).routes).toEqual([['/admin'], ['/found']]);
  });
});

it.each([
  {
    title: 'listens, unawaited',
    end: `NestFactory.create(App, { logger: false }).then((app) => app.listen(3000));`,
  },
  {
    title: 'is exported',
    end: `export const app = await NestFactory.create(App, { logger: false }); await app.init();`,
  },
])('finds an application of NestJS that $title', async ({ end }) => {
  writeFileSync(
    path.join(folder.path(), 'package.json'),
    JSON.stringify({ dependencies: { '@nestjs/core': '*' } }),
  );
  const source = `
    import 'reflect-metadata';
    import { Controller, Get, Module, UseGuards } from '@nestjs/common';
    import { NestFactory } from '@nestjs/core';
    import { describeGuard } from 'latchkey';
    class Guard { canActivate() { return true; } }
    describeGuard({ kind: 'requireAuth' }, Guard);
    class Routes { found() {} }
    Get('found')(Routes.prototype, 'found', Object.getOwnPropertyDescriptor(Routes.prototype, 'found'));
    Controller()(Routes);
    UseGuards(Guard)(Routes);
    class App {}
    Module({ controllers: [Routes] })(App);
    ${end}`;
  expect(await load(write(source))).toMatchObject({ routes: [['/found']], isGuarded: true });
});

it('opens no port, but does all that an application notices of listening', async () => {
  const { origin } = await serve(() => undefined);
  const taken = Number(new URL(origin).port);
  const source = `${express}
    const server = app.listen(${taken}, '127.0.0.1', () => process.stdout.write('called '));
    server.on('listening', () => {
      const { port } = server.address();
      process.stdout.write(Buffer.from(\`\${server.listening} \${port}\`), () => {});
    });
    server.on('error', (error) => process.stdout.write(String(error)));`;
  expect((await load(write(source))).stderr).toBe(`called true ${taken}`);
});

it('hears of every createAuth(), and closes it', async () => {
  const source = `import { createAuth } from 'latchkey'; ${express}
    export { app };
    const auth = createAuth({ secret: '${SECRET}', jwt: { secret: '${SECRET}' }, publicUrl: 'http://localhost:3000' });
    app.get('/me', auth.requireAuth(), (req, res) => res.end());`;
  expect(await load(write(source))).toMatchObject({ routes: [['/found', '/me']], auths: 1 });
});

/** Says, as Node does, that nothing is under way any more. */
const idle = `setImmediate(() => process.emit('beforeExit', 0));`;

describe('says why there is none', () => {
  it.each([
    { title: 'throws', source: `throw new Error('the reason');`, says: /\(.*app-\d+\.mjs:1:\d+\)/ },
    { title: 'throws a text', source: `throw 'up';`, says: /has thrown 'up'/ },
    { title: 'is no JavaScript', source: `export const 1;`, says: /cannot be loaded/ },
    {
      title: 'rejects a top-level await',
      source: `await Promise.reject(new Error('the reason'));`,
      says: /cannot be loaded/,
    },
    {
      title: 'never finishes loading',
      source: `${express} export default app; await new Promise(() => {});`,
      says: /top-level await/,
      patienceMs: 1,
    },
    {
      title: 'rejects later',
      source: `setTimeout(() => Promise.reject(new Error('the reason')), 2);`,
      says: /failed/,
    },
    {
      title: 'throws later, and has a handler that ends the process',
      source: `process.on('uncaughtException', () => process.exit(1));
        setTimeout(() => { throw new Error('the reason'); }, 2);`,
      says: /failed/,
    },
    {
      title: 'ends the process',
      source: `import { exit } from 'node:process';
        try { exit(3); } catch {} export const app = 1;`,
      says: /process\.exit\(3\)/,
    },
    {
      title: 'ends the process later',
      source: `setTimeout(async () => process.exit(), 2);`,
      says: /process\.exit\(0\)/,
    },
    { title: 'aborts', source: `process.abort();`, says: /process\.abort\(\)/ },
    {
      title: 'has nothing',
      source: `${idle} export const count = 1;`,
      says: /export \{ app \}/,
    },
    {
      title: 'has a function that makes one',
      source: `${idle} export function createApp() { throw new Error('not to be called'); }`,
      says: /exports createApp\(\), .*\n {2}import \{ createApp \} from '\.\/app-\d+\.mjs';\n {2}export const app = /,
    },
    {
      title: 'has a function that makes one as its default export',
      source: `${idle} export default () => 1;`,
      says: /exports a function, .*\n {2}import createApp from '\.\/app-\d+\.mjs';\n {2}export const app = /,
    },
    {
      title: 'has classes, and a function among others',
      source: `${idle} export class App {} export function close() {} export function buildApp() {}`,
      says: /exports buildApp\(\)/,
    },
    {
      title: 'hides it in another function',
      source: `${idle} import { createServer } from 'node:http'; ${express}
        createServer((req, res) => app(req, res)).listen(3000);`,
      says: /handler/,
    },
    {
      title: 'only forks workers',
      source: `${idle} import cluster from 'node:cluster'; ${express}
        if (cluster.isPrimary) cluster.fork().on('exit', () => {}); else app.listen(3000);`,
      says: /workers/,
    },
  ])('the module $title', async ({ source, says, patienceMs }) => {
    const failure = await load(write(source), patienceMs).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(LoadFailure);
    expect(failure).toMatchObject({ message: expect.stringMatching(says) });
    const { cause } = failure as LoadFailure;
    expect(cause instanceof Error).toBe(/reason|const 1/.test(source));
  });

  it.each([
    { title: 'a missing file', given: 'app-1.msj', says: /did you mean app-1\.mjs/ },
    { title: 'a folder', given: '.', says: /folder/ },
    { title: 'a file in a missing folder', given: 'nowhere/app.js', says: /no file/ },
  ])('$title is wrong usage', async ({ given, says }) => {
    const failure = await load(path.join(folder.path(), given)).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(UsageError);
    expect(failure).toMatchObject({ message: expect.stringMatching(says) });
  });
});
