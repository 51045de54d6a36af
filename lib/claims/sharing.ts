/** The shared value for a key. */
export type Sharing<Value> = (key: string) => Value;

const MAX_KEYS = 1000;

/**
 * Gives equal keys one shared value. Thousands of remembered principals have the same few scopes, roles and
 * audiences; sharing them halves what each one takes. Bounded: the oldest of 1000 keys is forgotten.
 */
export function createSharing<Value>(create: (key: string) => Value): Sharing<Value> {
  const values = new Map<string, Value>();
  return (key) => {
    const known = values.get(key);
    if (known !== undefined) return known;
    const value = create(key);
    const [oldest] = values.keys();
    if (values.size >= MAX_KEYS && oldest !== undefined) values.delete(oldest);
    values.set(key, value);
    return value;
  };
}
