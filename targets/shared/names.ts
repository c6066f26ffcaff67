/** Letters that are likely in the names of a cell, and how they are written in ASCII. */
const spelledOut: Readonly<Record<string, string>> = {
  α: "alpha",
  β: "beta",
  γ: "gamma",
  δ: "delta",
  ε: "epsilon",
  η: "eta",
  θ: "theta",
  κ: "kappa",
  λ: "lambda",
  μ: "mu",
  π: "pi",
  ρ: "rho",
  σ: "sigma",
  τ: "tau",
  φ: "phi",
  ψ: "psi",
  ω: "omega",
  Δ: "Delta",
  Σ: "Sigma",
  "'": "_next",
  "′": "_next",
};

/** The longest name: longer ones do not help readers, and some drivers cut them. */
const longest = 48;

/**
 * The readable part of a string: ASCII letters, digits and single underscores, starting with a letter. `c'` → `c_next`,
 * `hh/mean` → `hh_mean`. It may not be unique, or a reserved word: `Namer` deals with both.
 */
export function identifier(text: string): string {
  if (text.length <= longest && /^[A-Za-z](_?[A-Za-z0-9])*$/.test(text)) return text;
  let ascii = "";
  // 200 characters in are more than enough for `longest` out, however long the source.
  for (const letter of text.slice(0, 200)) ascii += spelledOut[letter] ?? letter.normalize("NFKD");
  const words = ascii
    .replace(/[\u0300-\u036f]/g, "")
    .replace(/[^A-Za-z0-9]+/g, "_")
    .replace(/^_+/, "")
    .slice(0, longest)
    .replace(/_+$/, "");
  return /^[A-Za-z]/.test(words) ? words : `v${words}`;
}

/** Hands out identifiers that are safe in one target and unique within one module. */
export interface Namer {
  /** A new identifier, as close to `wanted` as can be. */
  fresh(wanted: string): string;
  /** The identifier for `key`, the same at every call. It is made from `wanted`, by default `key`. */
  of(key: string, wanted?: string): string;
}

/** A namer for a target with these reserved words. `taken` are the names the printed frame itself uses. */
export function createNamer(reserved: ReadonlySet<string>, taken: Iterable<string> = []): Namer {
  const used = new Set(taken);
  const known = new Map<string, string>();

  const fresh = (wanted: string): string => {
    const base = identifier(wanted);
    let name = base;
    for (let n = 2; used.has(name) || reserved.has(name); n++) name = `${base}_${n}`;
    used.add(name);
    return name;
  };

  return {
    fresh,
    of(key, wanted = key) {
      const name = known.get(key) ?? fresh(wanted);
      known.set(key, name);
      return name;
    },
  };
}
