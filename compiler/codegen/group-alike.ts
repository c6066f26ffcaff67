/** The items in groups of those that are alike, in the order of each group's first. */
export function groupAlike<T>(items: readonly T[], alike: (a: T, b: T) => boolean): readonly (readonly T[])[] {
  const groups: T[][] = [];
  for (const item of items) {
    const group = groups.find(([first]) => alike(first, item));
    if (group) group.push(item);
    else groups.push([item]);
  }
  return groups;
}
