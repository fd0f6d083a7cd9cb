/** Names of columns where each may stand but once. */

/** The second `A` is `A_2`, or the next number that no other column has. */
export function onlyNames(names: readonly string[]): readonly string[] {
  const taken = new Set(names);
  const seen = new Set<string>();
  const numbers = new Map<string, number>();
  return names.map((name) => {
    if (!seen.has(name)) {
      seen.add(name);
      return name;
    }
    let number = numbers.get(name) ?? 2;
    while (taken.has(`${name}_${number}`)) number++;
    numbers.set(name, number + 1);
    const only = `${name}_${number}`;
    taken.add(only);
    return only;
  });
}
