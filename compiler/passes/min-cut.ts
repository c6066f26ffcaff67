/** Minimum cuts, for choices in which one thing costs something unless another is chosen, too. */

/** `from` chosen and `to` not costs `cost`; `Infinity`: that must not be. */
export interface Implication<N> {
  readonly from: N;
  readonly to: N;
  readonly cost: number;
}

/**
 * The smallest set of nodes that is chosen in a cheapest choice with `chosen` in it and `left` not.
 *
 * The cost of a choice is that of the implications it breaks: a cut between the two nodes. Shortest augmenting paths
 * (Edmonds and Karp 1972) find the largest flow; what the source still reaches then is the side chosen.
 */
export function cheapestChoice<N>(chosen: N, left: N, implications: readonly Implication<N>[]): ReadonlySet<N> {
  const edges: { readonly to: N; room: number }[] = [];
  const leaving = new Map<N, number[]>();
  const edge = (from: N, to: N, room: number): void => {
    leaving.set(from, [...(leaving.get(from) ?? []), edges.length]);
    edges.push({ to, room });
  };
  // An edge and its way back are neighbours: k and k ^ 1.
  for (const { from, to, cost } of implications) {
    edge(from, to, cost);
    edge(to, from, 0);
  }
  for (;;) {
    const by = new Map<N, number | undefined>([[chosen, undefined]]);
    for (const node of by.keys()) {
      for (const k of leaving.get(node) ?? []) {
        const { to, room } = edges[k];
        if (room > 0 && !by.has(to)) by.set(to, k);
      }
    }
    if (!by.has(left)) return new Set(by.keys());
    const path: number[] = [];
    for (let k = by.get(left); k !== undefined; k = by.get(edges[k ^ 1].to)) path.push(k);
    const room = Math.min(...path.map((k) => edges[k].room));
    if (room === Number.POSITIVE_INFINITY) throw new Error("no choice keeps every implication that must hold");
    for (const k of path) {
      edges[k].room -= room;
      edges[k ^ 1].room += room;
    }
  }
}
