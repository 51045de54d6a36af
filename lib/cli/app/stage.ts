import cluster from 'node:cluster';
import { EventEmitter } from 'node:events';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { Server } from 'node:net';
import { type CreatedAuth, onCreated } from '../../doctor/created.js';
import { onNestInit } from './nest-hook.js';
import { replaceMember } from './replace-member.js';

/** The process while an application in it is inspected: it opens no port, doesn't end, and prints on standard error. */
export interface AppStage {
  /** Servers that were told to listen, and didn't. */
  readonly servers: ReadonlySet<Server>;
  /** Applications of NestJS that have added their routes. */
  readonly nestApps: ReadonlySet<unknown>;
  readonly auths: readonly CreatedAuth[];
  /** Whether the application wanted worker processes, which it didn't get. */
  hasForked(): boolean;
  hear(hearer: StageHearer): void;
  /** Makes the process what it was. */
  leave(): void;
}

interface StageHearer {
  /** A server listens, or has got a listener of requests; or an application of NestJS is there. */
  readonly onChange: () => void;
  /** The application has ended the process, or has thrown what nothing catches. */
  readonly onFailure: (says: string, cause?: unknown) => void;
}

/** Sets the stage for the application in `file`. */
export function enterStage(file: string, complain: (text: string) => void): AppStage {
  const servers = new Set<Server>();
  const nestApps = new Set<unknown>();
  const auths: CreatedAuth[] = [];
  const hearers: StageHearer[] = [];
  const tellChange = () => hearers.forEach(({ onChange }) => onChange());
  const tellFailure: StageHearer['onFailure'] = (says, cause) =>
    hearers.forEach(({ onFailure }) => onFailure(says, cause));
  let hasForked = false;
  const undoing = [
    onCreated((created) => auths.push(created)),
    onNestInit(file, (app) => {
      nestApps.add(app);
      tellChange();
    }),
    replaceMember(Server.prototype, 'listen', function listen(this: Server, ...args: unknown[]) {
      servers.add(this);
      pretendToListen(this, args, tellChange);
      return this;
    }),
    replaceMember(cluster, 'fork', () => {
      hasForked = true;
      return Object.assign(new EventEmitter(), { id: 1, process: new EventEmitter() });
    }),
    replaceMember(process.stdout, 'write', writerTo(complain)),
    ...turnDescriptor(),
    // As `node app.js` has it: applications compare it with their own file, and read options from it.
    replaceMember(process, 'argv', [process.execPath, file]),
    ...keepAlive(tellFailure),
  ];
  syncBuiltinESMExports();
  return {
    servers,
    nestApps,
    auths,
    hasForked: () => hasForked,
    hear: (hearer) => void hearers.push(hearer),
    leave() {
      for (const undo of undoing.splice(0).toReversed()) undo();
      syncBuiltinESMExports();
    },
  };
}

/** Does what an application can notice of listening. */
function pretendToListen(server: Server, args: readonly unknown[], onChange: () => void): void {
  const [first] = args;
  const port = Number(first) || 3000;
  const callback = args.findLast((arg) => typeof arg === 'function');
  replaceMember(server, 'listening', true);
  replaceMember(server, 'address', () => ({ address: '127.0.0.1', family: 'IPv4', port }));
  if (typeof callback === 'function')
    server.once('listening', () => Reflect.apply(callback, server, []));
  server.on('newListener', (name) => {
    if (name === 'request') process.nextTick(onChange);
  });
  process.nextTick(() => {
    server.emit('listening');
    onChange();
  });
}

function writerTo(complain: (text: string) => void) {
  return (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
    complain(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString());
    const callback = rest.find((arg) => typeof arg === 'function');
    if (typeof callback === 'function')
      process.nextTick(() => Reflect.apply(callback, undefined, []));
    return true;
  };
}

/** Loggers such as pino write on the descriptor of standard output, past the stream. */
function turnDescriptor(): readonly (() => void)[] {
  return (['write', 'writeSync', 'writev', 'writevSync'] as const).map((name) => {
    const turned = new Proxy(fs[name], {
      apply: (write, self, [descriptor, ...rest]: readonly unknown[]): unknown =>
        Reflect.apply(write, self, [descriptor === STDOUT ? STDERR : descriptor, ...rest]),
    });
    return replaceMember(fs, name, turned);
  });
}

const STDOUT = 1;
const STDERR = 2;

/** What the application would end the process with becomes a failure. */
function keepAlive(onFailure: StageHearer['onFailure']): readonly (() => void)[] {
  let isCrashing = false;
  const refuse = (call: string) => {
    onFailure(`called ${call} while it was loaded; what it has printed may say why`);
    // The code behind it counts on not being reached. A handler of the last resort has none, and must not throw.
    if (!isCrashing) throw new Error(`${call} does not end the process while it is inspected`);
  };
  const crash = (cause: unknown): void => {
    isCrashing = true;
    setImmediate(() => (isCrashing = false));
    onFailure('failed while it was loaded', cause);
  };
  return [
    replaceMember(process, 'exit', (code: unknown = process.exitCode ?? 0) =>
      refuse(`process.exit(${Number(code)})`),
    ),
    // NestFactory.create() does it where a module cannot be made.
    replaceMember(process, 'abort', () => refuse('process.abort()')),
    // As the command ends, the application would print once more, or change the exit code.
    takeOver('exit', () => undefined),
    takeOver('uncaughtException', crash),
    takeOver('unhandledRejection', crash),
    // An application that finishes its work first, and then ends itself, would leave Control-C without effect.
    takeOver('SIGINT', () => endBy('SIGINT')),
    takeOver('SIGTERM', () => endBy('SIGTERM')),
  ];
}

function endBy(signal: 'SIGINT' | 'SIGTERM'): void {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}

/** Hears an event of the process alone, until what is returned is called. */
function takeOver(
  event: 'exit' | 'uncaughtException' | 'unhandledRejection' | 'SIGINT' | 'SIGTERM',
  listener: (cause: unknown) => void,
): () => void {
  const add: (...values: never) => unknown = Reflect.get(process, 'on');
  const former = process.rawListeners(event);
  process.removeAllListeners(event);
  process.on(event, listener);
  return () => {
    process.removeAllListeners(event);
    for (const each of former) Reflect.apply(add, process, [event, each]);
  };
}
