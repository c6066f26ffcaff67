/** How sites are called: those of functions get a name for each call and each round. */

/** The rounds of `iterate` around a place, and the names that sites in them have got. */
export interface Rounds {
  /** The number of each round, outermost first. */
  readonly path: readonly number[];
  /** The name of the n-th site `a` of a round, by `a n`: the same in all rounds. */
  readonly bases: Map<string, string>;
  /** How often a site was met in a round, by its name and path. */
  readonly met: Map<string, number>;
}

/** Round `i` of an `iterate` inside `around`. */
export const roundOf = (around: Rounds, i: number): Rounds => ({ ...around, path: [...around.path, i] });

export const noRounds = (): Rounds => ({ path: [], bases: new Map(), met: new Map() });

/** The name of a site in its cell or model: `a`, `a_2`; in rounds `a/0`, `a/1`. */
export interface LocalName {
  readonly base: string;
  readonly rounds: readonly number[];
}

export const localText = ({ base, rounds }: LocalName): string => [base, ...rounds].join("/");

/** Gives names to the sites of functions that a cell or model calls. */
export class SiteNames {
  private readonly taken: Set<string>;

  /** @param declared the names of its own sites and parameters */
  constructor(declared: Iterable<string>) {
    this.taken = new Set(declared);
  }

  /** The name of a function's site `name`, met in these rounds. */
  of(name: string, rounds: Rounds | undefined): LocalName {
    if (rounds === undefined) return { base: this.claim(name), rounds: [] };
    const here = localText({ base: name, rounds: rounds.path });
    const n = rounds.met.get(here) ?? 0;
    rounds.met.set(here, n + 1);
    const key = `${name} ${n}`;
    const base = rounds.bases.get(key) ?? this.claim(name);
    rounds.bases.set(key, base);
    return { base, rounds: rounds.path };
  }

  private claim(name: string): string {
    let free = name;
    for (let n = 2; this.taken.has(free); n++) free = `${name}_${n}`;
    this.taken.add(free);
    return free;
  }
}

/** A full name, `rnn/hh` or `rnn/a/0`, as `place` takes it: `rnn.hh`, `rnn.a/0`. A number after a slash is that of a round. */
export const placeName = (name: string): string => name.replace(/\/(?!\d)/g, ".");
