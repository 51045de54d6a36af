import { z } from 'zod';
import { MAX_DEVICE_TOKEN } from './known-device.js';

/** `device_token` in a body. */
export const deviceTokenSchema: z.ZodType<string | undefined> = z
  .string()
  .max(MAX_DEVICE_TOKEN)
  .optional();
