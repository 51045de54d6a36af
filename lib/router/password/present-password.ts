import { z } from 'zod';
import { isPasswordInput } from '../../accounts/passwords/policy.js';

/** A password in a body that proves who asks. */
export const presentPasswordSchema: z.ZodType<string> = z
  .custom<string>(isPasswordInput, 'is text of 1 to 256 characters')
  .meta({ type: 'string', format: 'password', minLength: 1, maxLength: 256 });
