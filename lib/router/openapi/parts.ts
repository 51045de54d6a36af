import type { RouterParts } from '../parts.js';

/** What the document depends on. */
export type DocumentParts = Pick<
  RouterParts,
  'config' | 'pipeline' | 'cookies' | 'providers' | 'serviceAccounts'
>;

export type JsonObject = Readonly<Record<string, unknown>>;
