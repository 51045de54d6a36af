interface Waiting {
  ready(): Promise<void>;
}

interface Closing extends Waiting {
  close(): Promise<void>;
}

interface Lifecycle extends Closing {
  settled(): Promise<void>;
}

interface LifecycleParts {
  readonly verifier: Waiting;
  readonly resources: Waiting;
  readonly signIn: Lifecycle | undefined;
  readonly proofs: Closing;
}

/** `ready()`, `settled()` and `close()` of the whole. */
export function createLifecycle({
  verifier,
  resources,
  signIn,
  proofs,
}: LifecycleParts): Lifecycle {
  return {
    async ready() {
      await Promise.all([verifier.ready(), resources.ready()]);
      await signIn?.ready();
      await proofs.ready();
    },
    async settled() {
      await signIn?.settled();
    },
    async close() {
      await signIn?.close();
      await proofs.close();
    },
  };
}
