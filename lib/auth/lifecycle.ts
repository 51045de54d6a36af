interface Waiting {
  ready(): Promise<void>;
}

interface Closing extends Waiting {
  close(): Promise<void>;
}

interface LifecycleParts {
  readonly verifier: Waiting;
  readonly resources: Waiting;
  readonly signIn: Closing | undefined;
  readonly proofs: Closing;
}

/** `ready()` and `close()` of the whole. */
export function createLifecycle({ verifier, resources, signIn, proofs }: LifecycleParts): Closing {
  return {
    async ready() {
      await Promise.all([verifier.ready(), resources.ready()]);
      await signIn?.ready();
      await proofs.ready();
    },
    async close() {
      await signIn?.close();
      await proofs.close();
    },
  };
}
