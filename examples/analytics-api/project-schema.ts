import { z } from 'zod';

const names = z.array(z.string().min(1)).min(1);

/** Names in addresses. */
const name = z
  .string()
  .regex(/^[a-z][a-z0-9_-]*$/, 'is named with lower-case letters, digits, _ and -');

/** Fits a caller who has one of the roles, or is in one of the groups. */
const condition = z
  .strictObject({ roles: names.optional(), groups: names.optional() })
  .refine(({ roles, groups }) => roles !== undefined || groups !== undefined, {
    error: 'names neither roles nor groups, so it would fit nobody',
  });

const clearFor = condition.optional();

const mask = z.discriminatedUnion(
  'mask',
  [
    /** `a***@example.com` */
    z.strictObject({ mask: z.literal('email'), clearFor }),
    /** To the nearest multiple of `to`. */
    z.strictObject({ mask: z.literal('round'), to: z.number().positive(), clearFor }),
    /** No value at all. */
    z.strictObject({ mask: z.literal('hidden'), clearFor }),
  ],
  { error: 'write clear, { mask: email }, { mask: round, to: 100 } or { mask: hidden }' },
);

/** A fact about the caller. No e-mail address: at many providers people write down any. */
const fact = z
  .string()
  .regex(/^(?:user_id|attributes\.[\w-]+)$/, 'write user_id or attributes.<name>');

const where = z.union([
  z.literal('everything'),
  z
    .record(z.string(), fact, { error: 'write everything, or { <column>: attributes.<name> }' })
    .refine((columns) => Object.keys(columns).length > 0, {
      error: 'names no column; write everything if that is what is meant',
    }),
]);

const dataset = z.strictObject({
  file: z.string().min(1),
  /** The first rule that fits the caller decides which rows there are; if none does, there are none. */
  rows: z.array(z.strictObject({ for: condition.optional(), where })).min(1),
  /** What is not named is hidden from everybody. */
  columns: z.record(z.string(), z.union([z.literal('clear'), mask])),
});

const page = z.strictObject({
  title: z.string().min(1),
  /** Who may open it. Without it everybody who is signed in. */
  for: condition.optional(),
  dataset: z.string(),
  columns: names,
  /** The column whose values are added up, as the caller sees them. */
  total: z.string().optional(),
});

export const projectSchema = z.strictObject({
  /** Checked by Latchkey. */
  auth: z.record(z.string(), z.unknown()),
  datasets: z.record(name, dataset),
  pages: z.record(name, page),
});

export type ProjectTree = z.infer<typeof projectSchema>;
export type Condition = z.infer<typeof condition>;
export type Column = z.infer<typeof dataset>['columns'][string];
export type DatasetRules = z.infer<typeof dataset>;
export type PageTree = z.infer<typeof page>;
