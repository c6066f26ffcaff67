/**
 * Symbolic extents: polynomials over dimension names with rational coefficients (`4H`, `D + 2H`, `H/4`), in a canonical
 * order, so that two dims are equal exactly when their texts are.
 */

export interface Term {
  readonly num: number;
  readonly den: number;
  /** Sorted; a repeated name is a power. */
  readonly vars: readonly string[];
}

export type Dim = readonly Term[];

const gcd = (a: number, b: number): number => (b === 0 ? Math.abs(a) : gcd(b, a % b));

function canonical(terms: readonly Term[]): Dim {
  const byVars = new Map<string, Term>();
  for (const t of terms) {
    const vars = [...t.vars].sort();
    const key = vars.join("*");
    const old = byVars.get(key);
    const num = old ? old.num * t.den + t.num * old.den : t.num;
    const den = old ? old.den * t.den : t.den;
    const g = Math.sign(den) * gcd(num, den) || 1;
    byVars.set(key, { num: num / g, den: den / g, vars });
  }
  return [...byVars.entries()]
    .filter(([, t]) => t.num !== 0)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, t]) => t);
}

export function constant(n: number): Dim {
  return canonical([{ num: n, den: 1, vars: [] }]);
}

export function variable(name: string): Dim {
  return [{ num: 1, den: 1, vars: [name] }];
}

export function add(a: Dim, b: Dim): Dim {
  return canonical([...a, ...b]);
}

export function subtract(a: Dim, b: Dim): Dim {
  return add(a, multiply(b, constant(-1)));
}

export function multiply(a: Dim, b: Dim): Dim {
  return canonical(
    a.flatMap((x) => b.map((y) => ({ num: x.num * y.num, den: x.den * y.den, vars: [...x.vars, ...y.vars] }))),
  );
}

/** a / b where b is a single term whose names a's terms all contain; otherwise undefined. */
export function divide(a: Dim, b: Dim): Dim | undefined {
  if (b.length !== 1) return b.length > 0 && equal(a, b) ? constant(1) : undefined;
  const divisor = b[0];
  const terms: Term[] = [];
  for (const t of a) {
    const vars = [...t.vars];
    for (const v of divisor.vars) {
      const at = vars.indexOf(v);
      if (at < 0) return undefined;
      vars.splice(at, 1);
    }
    terms.push({ num: t.num * divisor.den, den: t.den * divisor.num, vars });
  }
  return canonical(terms);
}

export function product(dims: readonly Dim[]): Dim {
  return dims.reduce(multiply, constant(1));
}

export function equal(a: Dim, b: Dim): boolean {
  return a === b || show(a) === show(b);
}

/** Whether a > b: true or false if that holds whatever the dimensions are (each at least 1), otherwise undefined. */
export function exceeds(a: Dim, b: Dim): boolean | undefined {
  const difference = subtract(a, b);
  const least = difference.reduce((sum, { num, den }) => sum + num / den, 0);
  const terms = difference.filter(({ vars }) => vars.length > 0);
  if (terms.every(({ num }) => num > 0) && least > 0) return true;
  return terms.every(({ num }) => num < 0) && least <= 0 ? false : undefined;
}

export function isOne(d: Dim): boolean {
  return d.length === 1 && d[0].vars.length === 0 && d[0].num === 1 && d[0].den === 1;
}

/** The value of a dim that names no dimension, else undefined. */
export function asNumber(d: Dim): number | undefined {
  if (d.length === 0) return 0;
  return d.length === 1 && d[0].vars.length === 0 ? d[0].num / d[0].den : undefined;
}

export function names(d: Dim): readonly string[] {
  return [...new Set(d.flatMap((t) => t.vars))];
}

/** `4H`, `H/4`, `D + 2H`, `D*H`. */
export function show(d: Dim): string {
  if (d.length === 0) return "0";
  return d
    .map((t) => {
      const vars = t.vars.join("*");
      const factor = vars === "" || t.num !== 1 ? String(t.num) : "";
      return `${factor}${vars}${t.den === 1 ? "" : `/${t.den}`}`;
    })
    .join(" + ");
}

/** Reads what `show` prints. Throws on anything else. */
export function parse(text: string): Dim {
  return canonical(
    text.split("+").map((part) => {
      const m = /^\s*(-?\d+)?((?:[A-Za-z_]\w*)(?:\*[A-Za-z_]\w*)*)?(?:\/(\d+))?\s*$/.exec(part);
      if (!m || (m[1] === undefined && m[2] === undefined)) throw new Error(`not a dimension: "${text}"`);
      return { num: Number(m[1] ?? 1), den: Number(m[3] ?? 1), vars: m[2] ? m[2].split("*") : [] };
    }),
  );
}

/** The extent under `bindings`. Throws when a name is unbound; the caller checks that the result is whole and positive. */
export function evaluate(d: Dim, bindings: Readonly<Record<string, number>>): number {
  let sum = 0;
  for (const t of d) {
    let product = t.num;
    for (const v of t.vars) {
      const value = bindings[v];
      if (value === undefined) throw new Error(`dimension ${v} is not bound`);
      product *= value;
    }
    sum += product / t.den;
  }
  return sum;
}
