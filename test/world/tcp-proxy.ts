import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/**
 * What the proxy does with the bytes of every connection, old and new ones. `pass`: as without it. `hold`: neither direction
 * gets through; what was held is delivered, in order, at the next `pass`. `drop-replies`: requests arrive, replies are
 * lost. `drop`: everything is lost and no connection is closed, as after a fail-over without a FIN.
 */
type ProxyFlow = 'pass' | 'hold' | 'drop-replies' | 'drop';

export interface TcpProxy {
  readonly port: number;
  /** How many clients are connected. */
  readonly connections: () => number;
  /** How many bytes were lost so far, in both directions. */
  readonly lostBytes: () => number;
  readonly setFlow: (flow: ProxyFlow) => void;
  /** Where new connections go. Open ones stay where they are, as with a virtual address or a DNS name: see `cut`. */
  readonly pointTo: (targetPort: number) => void;
  /** Loses everything on the connections that are open, and closes none, as after a fail-over without a FIN; new ones work. */
  readonly loseOpen: () => void;
  /** Closes all connections; new ones are accepted. */
  readonly cut: () => void;
  readonly close: () => Promise<void>;
}

interface Wire {
  readonly from: Socket;
  readonly to: Socket;
  readonly isReply: boolean;
  held: Buffer[];
  isLost: boolean;
}

/** An address before a service on 127.0.0.1, to make networks fail. */
export async function startTcpProxy(targetPort: number, port = 0): Promise<TcpProxy> {
  let target = targetPort;
  let flow: ProxyFlow = 'pass';
  let lostBytes = 0;
  const wires = new Set<Wire>();

  function carry(wire: Wire, bytes: Buffer): void {
    if (wire.isLost || flow === 'drop' || (flow === 'drop-replies' && wire.isReply))
      lostBytes += bytes.length;
    else if (flow === 'hold') wire.held.push(bytes);
    else wire.to.write(bytes);
  }

  function join(from: Socket, to: Socket, isReply: boolean): void {
    const wire: Wire = { from, to, isReply, held: [], isLost: false };
    wires.add(wire);
    from.on('data', (bytes) => carry(wire, bytes));
    from.on('error', () => undefined);
    from.on('close', () => {
      wires.delete(wire);
      to.destroy();
    });
  }

  const server = createServer((client) => {
    const service = connect(target, '127.0.0.1');
    join(client, service, false);
    join(service, client, true);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');

  function cut(): void {
    for (const { from } of wires) from.destroy();
  }

  return {
    port: portOf(server.address()),
    connections: () => [...wires].filter(({ isReply }) => !isReply).length,
    lostBytes: () => lostBytes,
    setFlow(next) {
      flow = next;
      if (next === 'hold') return;
      for (const wire of wires) {
        const { held } = wire;
        wire.held = [];
        for (const bytes of held) carry(wire, bytes);
      }
    },
    pointTo(next) {
      target = next;
    },
    loseOpen() {
      for (const wire of wires) wire.isLost = true;
    },
    cut,
    async close() {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
