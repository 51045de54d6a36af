/** Does the work for each item, so many at a time. Tells the work which of them it is, from 0. */
export async function sideBySide<Item>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item, lane: number) => Promise<void>,
): Promise<void> {
  const waiting = [...items];
  async function take(lane: number): Promise<void> {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift())
      await work(item, lane);
  }
  await Promise.all(Array.from({ length: atOnce }, (_, lane) => take(lane)));
}
