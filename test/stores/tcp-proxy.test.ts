import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { startTcpProxy, type TcpProxy } from '../world/tcp-proxy.js';
import { freePort } from '../world/free-port.js';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

/** A service that answers every text with its own name and the text. */
async function startService(name: string): Promise<number> {
  const port = await freePort();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('data', (text) => socket.write(`${name}:${text.toString()};`));
    socket.on('error', () => undefined);
  }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return port;
}

async function startProxy(port: number): Promise<TcpProxy> {
  const proxy = await startTcpProxy(port);
  closers.push(() => proxy.close());
  return proxy;
}

function open(port: number): { readonly socket: Socket; readonly heard: () => string } {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.on('data', (bytes) => (text += bytes.toString()));
  socket.on('error', () => undefined);
  closers.push(() => socket.destroy());
  return { socket, heard: () => text };
}

it('a held connection delivers everything in order once it passes again', async () => {
  const proxy = await startProxy(await startService('a'));
  const { socket, heard } = open(proxy.port);
  socket.write('1');
  await expect.poll(heard).toBe('a:1;');
  proxy.setFlow('hold');
  socket.write('2');
  await sleep(50);
  expect(heard()).toBe('a:1;');
  proxy.setFlow('pass');
  await expect.poll(heard).toBe('a:1;a:2;');
});

it('dropped replies never come, and the connection stays open', async () => {
  const proxy = await startProxy(await startService('a'));
  const { socket, heard } = open(proxy.port);
  await once(socket, 'connect');
  proxy.setFlow('drop-replies');
  socket.write('1');
  await expect.poll(proxy.lostBytes).toBe('a:1;'.length);
  proxy.setFlow('pass');
  socket.write('2');
  await expect.poll(heard).toBe('a:2;');
});

it('another target is for new connections, and cutting closes the old ones', async () => {
  const proxy = await startProxy(await startService('a'));
  const old = open(proxy.port);
  old.socket.write('1');
  await expect.poll(old.heard).toBe('a:1;');
  proxy.pointTo(await startService('b'));
  old.socket.write('2');
  await expect.poll(old.heard).toBe('a:1;a:2;');
  proxy.cut();
  await once(old.socket, 'close');
  await expect.poll(proxy.connections).toBe(0);
  const fresh = open(proxy.port);
  fresh.socket.write('3');
  await expect.poll(fresh.heard).toBe('b:3;');
});
