/** Does something with each of a list, so many at a time. The first failure ends it: what has not begun is left. */
export async function mapAtOnce<T>(items: readonly T[], most: number, work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items].reverse();
  const lane = async (): Promise<void> => {
    for (let item = left.pop(); item !== undefined; item = left.pop())
      try {
        await work(item);
      } catch (error) {
        left.length = 0;
        throw error;
      }
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, lane));
}
