import type { en } from './en.js';

export type TextKey = keyof typeof en;

/** The words of the pages, by what they are for. */
export type PageTexts = Readonly<Record<TextKey, string>>;
