import { type AuthStatus, createStatus } from '../status.js';
import type { Verifier } from '../verifier/verifier.js';

interface Waiting {
  ready(): Promise<void>;
}

interface Closing extends Waiting {
  close(): Promise<void>;
}

interface Settling extends Closing {
  settled(): Promise<void>;
}

interface Lifecycle extends Settling {
  readonly status: () => Promise<AuthStatus>;
  drain(): void;
}

interface LifecycleParts {
  readonly verifier: Pick<Verifier, 'ready' | 'issuers' | 'now'>;
  readonly resources: Waiting;
  readonly signIn: Settling | undefined;
  readonly proofs: Closing;
}

/** `ready()`, `status()`, `settled()`, `drain()` and `close()` of the whole. */
export function createLifecycle({
  verifier,
  resources,
  signIn,
  proofs,
}: LifecycleParts): Lifecycle {
  let isClosing = false;

  async function storeAnswers(): Promise<void> {
    await signIn?.ready();
    await proofs.ready();
  }

  const status = createStatus({
    issuers: verifier.issuers,
    keysLoaded: verifier.ready,
    storeAnswers,
    now: verifier.now,
  });
  return {
    async ready() {
      await Promise.all([verifier.ready(), resources.ready()]);
      await storeAnswers();
    },
    status: () => status(isClosing),
    async settled() {
      await signIn?.settled();
    },
    drain() {
      isClosing = true;
    },
    async close() {
      isClosing = true;
      await signIn?.close();
      await proofs.close();
    },
  };
}
