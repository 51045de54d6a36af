export { createTestIssuer, type TestIssuer, type TestIssuerOptions } from './test-issuer.js';
export { createDpopKey, type DpopKey, type DpopKeyOptions, type ProofRequest } from './dpop-key.js';
export { authorize, type TakesHeaders } from './authorize.js';
export {
  attackCorpus,
  type Attack,
  type AttackTarget,
  type AttackTargetOptions,
} from './attack-corpus.js';
export type { Forge } from './forge/forge.js';
export type { ForgedToken, Forgery } from './forge/forged-token.js';
export type { FetchCounts, Outage } from './issuer-endpoints.js';
export type { JsonObject } from './minter.js';
export type { TestAlgorithm } from './signing-keys.js';
export { storeContract, type StoreCheck, type StoreContractOptions } from './store-contract.js';
