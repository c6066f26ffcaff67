/**
 * Symbolic extents: sums of products and quotients of dimension names with rational coefficients (`4H`, `D + 2H`, `H/4`, `H/N`),
 * that is, Laurent polynomials, in a canonical order, so that two dims are equal exactly when their texts are.
 */

export interface Term {
  readonly num: number;
  readonly den: number;
  /** Names that multiply, sorted; a repeated name is a power. */
  readonly vars: readonly string[];
  /** Names that divide, likewise. None of them is in `vars`. */
  readonly under: readonly string[];
}

export type Dim = readonly Term[];

const gcd = (a: number, b: number): number => (b === 0 ? Math.abs(a) : gcd(b, a % b));

/** The least common multiple of two positive whole numbers. */
export const lcm = (a: number, b: number): number => (a / gcd(a, b)) * b;

/** `names`, sorted, without one occurrence for each of `others`. */
function without(names: readonly string[], others: readonly string[]): readonly string[] {
  const left = [...names].sort();
  for (const name of others) {
    const at = left.indexOf(name);
    if (at >= 0) left.splice(at, 1);
  }
  return left;
}

const spelled = (vars: readonly string[], under: readonly string[]): string => [vars.join("*"), ...under].join("/");

function canonical(terms: readonly Term[]): Dim {
  const byVars = new Map<string, Term>();
  for (const t of terms) {
    const [vars, under] = [without(t.vars, t.under), without(t.under, t.vars)];
    const key = spelled(vars, under);
    const old = byVars.get(key);
    const num = old ? old.num * t.den + t.num * old.den : t.num;
    const den = old ? old.den * t.den : t.den;
    const g = Math.sign(den) * gcd(num, den) || 1;
    byVars.set(key, { num: num / g, den: den / g, vars, under });
  }
  return [...byVars.entries()]
    .filter(([, t]) => t.num !== 0)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, t]) => t);
}

export function constant(n: number): Dim {
  return canonical([{ num: n, den: 1, vars: [], under: [] }]);
}

export function variable(name: string): Dim {
  return [{ num: 1, den: 1, vars: [name], under: [] }];
}

export function add(a: Dim, b: Dim): Dim {
  return canonical([...a, ...b]);
}

export function subtract(a: Dim, b: Dim): Dim {
  return add(a, multiply(b, constant(-1)));
}

export function multiply(a: Dim, b: Dim): Dim {
  return canonical(
    a.flatMap((x) =>
      b.map((y) => ({
        num: x.num * y.num,
        den: x.den * y.den,
        vars: [...x.vars, ...y.vars],
        under: [...x.under, ...y.under],
      })),
    ),
  );
}

/** a / b, exactly: b has one term, or a is b times one term; otherwise undefined. */
export function divide(a: Dim, b: Dim): Dim | undefined {
  if (b.length === 0) return undefined;
  const byFirst = multiply(a, [inverse(b[0])]);
  if (b.length === 1) return byFirst;
  // If a is a term times b, that term is some term of a over the first of b.
  return byFirst.map((t): Dim => [t]).find((quotient) => equal(multiply(quotient, b), a));
}

const inverse = ({ num, den, vars, under }: Term): Term => ({
  num: Math.sign(num) * den,
  den: Math.abs(num),
  vars: under,
  under: vars,
});

export function product(dims: readonly Dim[]): Dim {
  return dims.reduce(multiply, constant(1));
}

export function equal(a: Dim, b: Dim): boolean {
  return a === b || show(a) === show(b);
}

/** Whether a > b: true or false if that holds whatever the dimensions are (each at least 1), otherwise undefined. */
export function exceeds(a: Dim, b: Dim): boolean | undefined {
  const difference = withoutCommonFactor(subtract(a, b));
  const least = difference.reduce((sum, { num, den }) => sum + num / den, 0);
  const terms = difference.filter(({ vars }) => vars.length > 0);
  if (terms.every(({ num }) => num > 0) && least > 0) return true;
  return terms.every(({ num }) => num < 0) && least <= 0 ? false : undefined;
}

/** A polynomial of the same sign: d times powers of its dimensions, so that none divides and none is a factor of all terms. */
function withoutCommonFactor(d: Dim): Dim {
  const power = (t: Term, name: string): number =>
    t.vars.filter((v) => v === name).length - t.under.filter((v) => v === name).length;
  return names(d).reduce((rest, name) => {
    const least = Math.min(...rest.map((t) => power(t, name)));
    const common = Array.from({ length: Math.abs(least) }, () => name);
    const factor = least < 0 ? { vars: common, under: [] } : { vars: [], under: common };
    return multiply(rest, [{ num: 1, den: 1, ...factor }]);
  }, d);
}

/** Whether the dim is no whole number whatever the dimensions are, because of a number such as 5/2 in it. */
export function isBroken(d: Dim): boolean {
  return d.some((t) => t.vars.length === 0 && t.under.length === 0 && t.den > 1);
}

/** The dim with numbers in place of some names. */
export function substitute(d: Dim, numbers: Readonly<Record<string, number>>): Dim {
  const known = (name: string): boolean => Object.hasOwn(numbers, name);
  const value = (all: readonly string[]): number =>
    all.reduce((product, name) => (known(name) ? product * numbers[name] : product), 1);
  const unknown = (all: readonly string[]): readonly string[] => all.filter((name) => !known(name));
  return canonical(
    d.map((t) => ({
      num: t.num * value(t.vars),
      den: t.den * value(t.under),
      vars: unknown(t.vars),
      under: unknown(t.under),
    })),
  );
}

export function isOne(d: Dim): boolean {
  return asNumber(d) === 1;
}

/** The value of a dim that names no dimension, else undefined. */
export function asNumber(d: Dim): number | undefined {
  if (d.length === 0) return 0;
  const [{ num, den, vars, under }] = d;
  return d.length === 1 && vars.length === 0 && under.length === 0 ? num / den : undefined;
}

export function names(d: Dim): readonly string[] {
  return [...new Set(d.flatMap((t) => [...t.vars, ...t.under]))];
}

/** `4H`, `H/4`, `D + 2H`, `D*H`, `H/N`, `3H/4/N`. */
export function show(d: Dim): string {
  if (d.length === 0) return "0";
  return d
    .map(({ num, den, vars, under }) => {
      const factor = vars.length === 0 || num !== 1 ? String(num) : "";
      return `${factor}${spelled(vars, den === 1 ? under : [String(den), ...under])}`;
    })
    .join(" + ");
}

const termText = /^\s*(-?\d+)?((?:[A-Za-z_]\w*)(?:\*[A-Za-z_]\w*)*)?(?:\/(\d+))?((?:\/[A-Za-z_]\w*)*)\s*$/;

/** Reads what `show` prints. Throws on anything else. */
export function parse(text: string): Dim {
  return canonical(
    text.split("+").map((part) => {
      const m = termText.exec(part);
      if (!m || (m[1] === undefined && m[2] === undefined)) throw new Error(`not a dimension: "${text}"`);
      const under = m[4].split("/").slice(1);
      return { num: Number(m[1] ?? 1), den: Number(m[3] ?? 1), vars: m[2] ? m[2].split("*") : [], under };
    }),
  );
}

/** The extent under `bindings`. Throws when a name is unbound; the caller checks that the result is whole and positive. */
export function evaluate(d: Dim, bindings: Readonly<Record<string, number>>): number {
  const value = (names: readonly string[]): number =>
    names.reduce((product, name) => {
      const n = bindings[name];
      if (n === undefined) throw new Error(`dimension ${name} is not bound`);
      return product * n;
    }, 1);
  let sum = 0;
  let den = 1;
  for (const t of d) {
    const [n, by] = [t.num * value(t.vars), t.den * value(t.under)];
    // A common denominator: 1/10 + 2/10 is 3/10, and three such are whole.
    if (n % by === 0) sum += (n / by) * den;
    else {
      const g = gcd(den, by);
      sum = sum * (by / g) + n * (den / g);
      den *= by / g;
    }
  }
  return sum / den;
}
