/** Minimum cuts, for choices in which choosing one thing costs something unless another is chosen, too. */

/** Choosing `from` but not `to` costs `cost`; `Infinity` forbids it. */
export interface Implication<N> {
  readonly from: N;
  readonly to: N;
  readonly cost: number;
}

/**
 * The smallest set of nodes among the cheapest choices that contain `chosen` and not `left`.
 *
 * The cost of a choice is the sum of the implications that it breaks: a cut between the two nodes. The chosen side is what the
 * source still reaches after a maximum flow, found along shortest paths, all paths of one length at a time (Dinic 1970).
 */
export function cheapestChoice<N>(chosen: N, left: N, implications: readonly Implication<N>[]): ReadonlySet<N> {
  const network = new Network<N>();
  const [source, sink] = [network.node(chosen), network.node(left)];
  for (const { from, to, cost } of implications) network.edge(network.node(from), network.node(to), cost);
  while (network.measure(source, sink)) network.fill(source, sink);
  return network.reached();
}

/** Nodes and edges as numbers. An edge and its reverse are neighbours: k and k ^ 1. */
class Network<N> {
  private readonly nodes: N[] = [];
  private readonly numbers = new Map<N, number>();
  private readonly leaving: number[][] = [];
  private readonly to: number[] = [];
  private readonly room: number[] = [];
  /** The distance of each node from the source; −1 if it is not reached. */
  private far: number[] = [];

  node(of: N): number {
    const known = this.numbers.get(of);
    if (known !== undefined) return known;
    this.numbers.set(of, this.nodes.length);
    this.leaving.push([]);
    return this.nodes.push(of) - 1;
  }

  edge(from: number, to: number, room: number): void {
    this.leaving[from].push(this.to.length);
    this.to.push(to);
    this.room.push(room);
    this.leaving[to].push(this.to.length);
    this.to.push(from);
    this.room.push(0);
  }

  /** Measures distances. Returns whether the sink is reached. */
  measure(source: number, sink: number): boolean {
    this.far = this.nodes.map(() => -1);
    this.far[source] = 0;
    const order = [source];
    for (const node of order) {
      for (const k of this.leaving[node]) {
        const next = this.to[k];
        if (this.room[k] <= 0 || this.far[next] >= 0) continue;
        this.far[next] = this.far[node] + 1;
        order.push(next);
      }
    }
    return this.far[sink] >= 0;
  }

  /** Sends as much flow as shortest paths have room for. */
  fill(source: number, sink: number): void {
    /** The edge that each node tries next: the edges before it lead nowhere any more. */
    const next = this.nodes.map(() => 0);
    const path: number[] = [];
    for (let at = source; ; ) {
      if (at === sink) {
        const room = path.reduce((least, k) => Math.min(least, this.room[k]), Number.POSITIVE_INFINITY);
        if (room === Number.POSITIVE_INFINITY) throw new Error("no choice keeps every implication that must hold");
        for (const k of path) {
          this.room[k] -= room;
          this.room[k ^ 1] += room;
        }
        // Continue from the first edge that is now full.
        path.length = path.findIndex((k) => this.room[k] <= 0);
        at = path.length === 0 ? source : this.to[path[path.length - 1]];
        continue;
      }
      const edges = this.leaving[at];
      while (next[at] < edges.length && !this.leadsOn(at, edges[next[at]])) next[at]++;
      if (next[at] < edges.length) {
        path.push(edges[next[at]]);
        at = this.to[edges[next[at]]];
        continue;
      }
      const back = path.pop();
      if (back === undefined) return;
      at = this.to[back ^ 1];
      next[at]++;
    }
  }

  private leadsOn(from: number, edge: number): boolean {
    return this.room[edge] > 0 && this.far[this.to[edge]] === this.far[from] + 1;
  }

  /** The nodes that the last measurement reached. */
  reached(): ReadonlySet<N> {
    return new Set(this.nodes.filter((_, i) => this.far[i] >= 0));
  }
}
