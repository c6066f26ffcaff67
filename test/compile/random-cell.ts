/** Random programs: a cell of a few states, products, gates and sites under random norms, alone, derived, or in a model. */
import * as fc from "fast-check";

export interface RandomProgram {
  readonly text: string;
  readonly entry: string;
  readonly D: number;
  readonly H: number;
  readonly batch: number;
  readonly time: number;
}

interface Line {
  readonly make: number;
  readonly a: number;
  readonly b: number;
  /** Which norm, if the value is a site. */
  readonly norm: number;
}

/** Norms and functions that programs may use beside the prelude's. */
const declarations = `// Statistics that are made of statistics, and a mean of something else than the value.
norm whitened(x, gamma = 0.8, eps = 0.05) {
  stat m = mean(x, over batch)
  stat p = mean((x - m)^2, over batch)
  stat q = sqrt(mean(p, over feature) + eps)
  param g : like x = gamma
  g * (x - m) / q
}
// Examples and features at once, what is normalized by one thing and shifted by another.
norm mixed(x, beta = 0.2) {
  stat m = mean(tanh(x), over batch)
  r = mean((x - m)^2, over feature)
  param k : like x = beta
  (x - m) / sqrt(0.1 + r) + k
}
// A statistic that nothing is divided by, and the population's beside it.
norm gated(x) {
  stat m = mean(exp(-x^2), over batch)
  x * m + 0.1 * population(m)
}
fn turn(s, l, R, y) {
  tanh(s @ row(R, l) + y)
}
`;

/** Values of one step, all [H]. Smooth, and of modest size on modest operands. */
type Maker = (c: CellText, a: string, b: string) => string;

const makers: readonly Maker[] = [
  (c, a) => `${a} @ ${c.param("[H, H]", "orthogonal")}`,
  (c) => `x @ ${c.param("[D, H]", "xavier")}`,
  (c, a, b) => c.gates(a, 2, (i, g) => `sigmoid(${i}) * ${b} + tanh(${g})`),
  (c, a, b) => c.gates(a, 3, (i, f, g) => `sigmoid(${i}) * tanh(${g}) + (1 - sigmoid(${f})) * ${b}`),
  (c, a) => `${a} + ${c.param("[H]", "0.1")}`,
  (c, a) => `${a} * ${c.param("[H]", "1")}`,
  (c, a) => `${a} * ${c.param("[]", "0.5")}`,
  (_, a) => `tanh(${a})`,
  (_, a) => `sigmoid(${a})`,
  (_, a) => `softplus(${a})`,
  (_, a) => `silu(${a})`,
  (_, a) => `gelu(${a})`,
  (_, a) => `mish(${a}) - elu(-${a}, alpha = 0.5)`,
  (_, a) => `erf(${a}) + expm1(-${a}^2)`,
  (_, a) => `atan(${a}) * log1p(${a}^2)`,
  (_, a, b) => `logaddexp(${a}, ${b}) + log_sigmoid(${a})`,
  (_, a) => `${a} / (1 + range(H))`,
  (_, a, b) => `where(${a} > 0.1 and not (${b} > 0.2 or t0 > 0), ${a}, ${b}) + 0.01 * range(H, 1, -0.5)`,
  (_, a, b) => `clamp(${a}, -0.5, 0.7) * ${b}`,
  (_, a, b) => `tanh(${a}) * (std(${b}) + logsumexp(${b}))`,
  (c, a, b) => `glu(concat(${a}, ${b})) + ${c.param("[H]", "0.1")}`,
  (_, a) => `sin(${a})`,
  (_, a) => `exp(-${a}^2)`,
  (_, a) => `sqrt(1 + ${a}^2)`,
  (_, a) => `log(2 + cos(${a}))`,
  (_, a, b) => `${a} + ${b}`,
  (_, a, b) => `${a} - ${b}`,
  (_, a, b) => `tanh(${a}) * ${b}`,
  (_, a, b) => `${a} / (1 + ${b}^2)`,
  (_, a, b) => `where(t0 > ${a}, ${a}, tanh(${b}))`,
  (_, a, b) => `${a} * mean(${b}, over feature)`,
  (_, a, b) => `${a} - mean(tanh(${b}), over last)`,
  (_, a) => `softmax(${a})`,
  (_, a, b) => `tanh(${a}) * sum(softmax(${b}) * ${a}, over feature)`,
  (c, a, b) => c.halves(`concat(${a}, tanh(${b}))`),
  (_, a) => `dropout(${a}, 0.3)`,
  (_, a) => `variational_dropout(${a}, 0.3)`,
  (_, a) => `mask(ramp(0.9, 0.5, 0, 4), ${a}) * ${a}`,
  (_, a, b) => `where(training(), ${a}, 0.5 * ${b})`,
  (_, a, b) => `zoneout(tanh(${a}), ${b}, 0.2)`,
  (c, a, b) => `iterate(turn, 2, ${a}, ${c.param("[2, H, H]", "uniform(0.5)")}, ${b})`,
  (c, a) => `tanh(${a} @ row(${c.param("[2, H, H]", "uniform(0.5)")}, 1))`,
  (c, a, b) => c.headwise(a) ?? `abs(${a}) * ${b}`,
  (_, a, b) => `max(${a}, ${b})`,
  (_, a, b) => `shift(${a}, 1) + roll(${b}, -2)`,
  (_, a, b) => `flip(${a}) * tanh(shift(${b}, -1))`,
  (_, a, b) => `sum([${a}, ${b}, 0.5] * [[0.4], [0.3], [0.2]], over first)[0]`,
  (_, a, b) => `split(concat([${a}], [${b}], over first), [1, 1], over first)[1][0]`,
  (_, a) => `cumsum(softmax(${a}), over last)`,
  (_, a, b) => `${a} * dot(${b}, softmax(${a}))`,
  (_, a, b) => `outer(tanh(${a}), ${b})[1]`,
  (c, a, b) => `dot([${a}, ${b}], ${c.param("[2, H, H]", "uniform(0.5)")}, "nk,nkm->m")`,
  (c, a) => `reshape(conv(reshape(${a}, [H, 1]), ${c.param("[3, 1, 1]", "uniform(0.5)")}), [H])`,
  (c, a, b) =>
    `sum(conv(transpose([${a}, ${b}]), ${c.param("[2, 2, 3]", "uniform(0.3)")}, padding = "causal"), over last)[:, 0]`,
  (c, a, b) => `conv(transpose([${a}, ${b}]), ${c.param("[3, 2]", "uniform(0.5)")}, dilation = 2)[:, 1]`,
  (_, a) => `${a} * max(${a}, over feature)`,
  (_, a) => `${a} * (1 + 0.1 * step())`,
  (c, a) => `${a} @ ${c.constant("[H, H]", "orthogonal(gain = 0.9)")}`,
  (c, a) => `tanh(${a}) * ${c.constant("[H]", "cos(0.5 + range) + uniform(0.1)")}`,
  (c, a, b) => c.attention(a, b),
  (c, a) => `mean(${c.source()} * ${a}, over time) + max(tanh(${c.source()} + ${a}), over time)`,
];

type Norm = (site: { readonly recurrent: boolean; readonly blocks: boolean }) => string;

/** `undefined` if a value is not a site. A norm that is not allowed at a site is replaced by another. */
const norms: readonly (undefined | Norm)[] = [
  undefined,
  undefined,
  () => "batch",
  () => "batch(gamma = 0.7, beta = none)",
  () => "batch(gamma = 0.5, stats = shared)",
  () => "batch(gamma = 0.5, stats = per_step(2))",
  () => "batch_renorm(r_max = 2, d_max = 0.5)",
  () => "batch_renorm(r_max = ramp(1, 3, 0, 4), d_max = 0.5, stats = shared)",
  ({ recurrent }) => (recurrent ? "batch(gamma = none)" : "sequence(gamma = 0.7)"),
  () => "layer",
  () => "layer(gamma = 0.5, beta = none)",
  ({ blocks }) => (blocks ? "group(2, gamma = 0.6)" : "layer(eps = 0.1)"),
  ({ blocks }) => (blocks ? "instance(2)" : "rms(eps = 0.1)"),
  () => "rms",
  () => "cosine(gamma = 2)",
  () => "dyt(alpha = 0.8)",
  () => "atn(k = 2, eps = 0.1)",
  () => "l1(gamma = 0.5, eps = 0.1)",
  () => "streaming(gamma = 0.5)",
  () => "whitened",
  () => "mixed(beta = none)",
  () => "gated",
];

/** One of a list, by any number. */
const pick = <T>(of: readonly T[], n: number): T => of[n % of.length];

class CellText {
  private readonly head: string[] = [];
  private readonly body: string[] = [];
  private readonly values: string[] = [];
  /** Values that depend on a state. */
  private readonly recurrent = new Set<string>();
  readonly states: string[] = [];
  readonly sites: string[] = [];
  private readonly D: number;
  private readonly H: number;
  private names = 0;
  /** Whether it reads a whole sequence. */
  attends = false;

  constructor({ D, H }: Pick<RandomProgram, "D" | "H">) {
    this.D = D;
    this.H = H;
  }

  private name(hint: string): string {
    return `${hint}${this.names++}`;
  }

  param(shape: string, init: string): string {
    const name = this.name("W");
    this.head.push(`param ${name} : ${shape} = ${init}`);
    const places = /^\[\w+, \w+\]$/.test(shape) ? ["weight", "weight(gamma = lengths)", "rms"] : [];
    if (places.length > 0 && this.names % 4 === 0) this.head.push(`place ${name} : ${pick(places, this.names / 4)}`);
    return name;
  }

  constant(shape: string, value: string): string {
    const name = this.name("W");
    this.head.push(`const ${name} : ${shape} = ${value}`);
    return name;
  }

  state(initial: string): void {
    const name = this.name("h");
    const from = initial.replace("learned", () => this.param("[H]", "0.3"));
    this.head.push(`state ${name} : [H] = ${from}`);
    this.states.push(name);
    this.values.push(name);
    this.recurrent.add(name);
  }

  /** `from` times a matrix, in as many parts as `combine` takes. */
  gates(from: string, parts: number, combine: (...parts: string[]) => string): string {
    const names = Array.from({ length: parts }, () => this.name("g"));
    this.body.push(`${names.join(", ")} = split(${from} @ ${this.param(`[H, ${parts}H]`, "xavier")}, ${parts})`);
    return combine(...names);
  }

  /** The sum of the halves of a value of [2H]. */
  halves(joined: string): string {
    const [a, b] = [this.name("g"), this.name("g")];
    this.body.push(`${a}, ${b} = split(${joined}, 2)`);
    return `${a} + ${b}`;
  }

  /** Two heads' products, if H has halves. */
  headwise(a: string): string | undefined {
    if (this.H % 2 !== 0) return undefined;
    const heads = `headwise(reshape(${a}, [2, H / 2]), ${this.param("[2, H / 2, H / 2]", "uniform(0.5)")})`;
    return `reshape(${heads}, [H])`;
  }

  /** All steps of another sequence, [H] each. */
  source(): string {
    this.attends = true;
    return `(source @ ${this.param("[D, H]", "xavier")})`;
  }

  /** What attention finds in it. */
  attention(a: string, b: string): string {
    const e = `tanh(${this.source()} + ${a}) @ ${this.param("[H]", "0.5")}`;
    const weights = `softmax(${e}, over time)`;
    return this.names % 2 === 0
      ? `${weights} @ ${this.source()} + ${b}`
      : `sum(${weights} * tanh(${this.source()} + ${b}), over time)`;
  }

  private site(name: string, value: string, norm: Norm | undefined, recurrent: boolean): void {
    this.body.push(`${norm ? "site " : ""}${name} = ${value}`);
    const placed = norm?.({ recurrent, blocks: this.H % 2 === 0 && this.H > 4 });
    if (placed !== undefined) {
      this.body.push(`place ${name} : ${placed}`);
      this.sites.push(name);
    }
    this.values.push(name);
    // A norm with states makes a recurrence of its own.
    if (recurrent || placed?.startsWith("atn")) this.recurrent.add(name);
  }

  /** The input's product, which does not depend on the recurrence. */
  first(norm: number): void {
    this.site("t0", "x @ W_x", pick(norms, norm), false);
  }

  line({ make, a, b, norm }: Line): void {
    const of = (k: number): string => this.values[this.values.length - 1 - (k % Math.min(4, this.values.length))];
    const placed = pick(norms, norm);
    const made = pick(makers, make)(this, of(a), of(b));
    const name = this.name(placed ? "s" : "v");
    // What is alike for all examples, or all features, leaves a norm nothing but rounding errors to divide by their size.
    const value = placed ? `${made} + x @ ${this.param("[D, H]", "xavier")}` : made;
    this.site(name, value, placed, this.recurrent.has(of(a)) || this.recurrent.has(of(b)));
  }

  /** Every state's next value: the last lines', kept small. */
  text(): string {
    const made = this.values.slice(this.states.length);
    const next = this.states.map((state, k) => {
      const v = made[made.length - 1 - (k % made.length)];
      return `${state}' = ${k % 2 === 0 ? `tanh(${v})` : `0.5 * ${state} + 0.5 * tanh(${v})`}`;
    });
    const inputs = ["input x : [D]", ...(this.attends ? ["input source : [D] over time"] : [])];
    const lines = ["param W_x : [D, H] = xavier", ...this.head, ...inputs, ...this.body, ...next];
    return `cell c(D = ${this.D}, H = ${this.H}) {\n  ${lines.join("\n  ")}\n  output ${this.states[0]}'\n}\n`;
  }

  /** A cell derived from it, with other placements and another first state. */
  derived(norm: number): string {
    const lines = [
      `state ${this.states[0]} : [H] = noise(0.4)`,
      ...this.sites.map((site, k) => `place ${site} : ${pick(["none", "layer", "batch(gamma = 0.3)"], norm + k)}`),
    ];
    return `cell d = c with {\n  ${lines.join("\n  ")}\n}\n`;
  }
}

/** What is made of the cell in a model. */
const models: readonly { readonly target: string; readonly input?: string; readonly body: string }[] = [
  {
    target: "[K]",
    body: `hs = scan c(D, H) over x
  loss mse(last(hs) @ V, y)
  output hs`,
  },
  {
    target: "[K] over time",
    body: `f = scan c(D, H) over x
  b = scan c(D, H) over x reverse
  loss mse((f + b) @ V, y)
  output f`,
  },
  {
    target: "[K]",
    body: `h1 = scan c(D, H) over x
  h2 = scan c(H, H) over h1 reverse
  site hm = mean(h2, over time) + first(x) @ U
  place hm : batch(gamma = 0.6)
  loss mse(hm @ V, first(h1) @ V - y)
  output h2`,
  },
  {
    target: "[K] over time",
    body: `f = scan c(D, H) as enc over x
  b = scan enc over delay(x, 1) reverse
  loss mse((f + delay(b, -1)) @ V, y * step() / steps()) + mean(square(enc.W_x), over feature)
  output f`,
  },
  {
    target: "[K]",
    body: `hs = scan c(D, H) as first over x
  gs = scan c(H, H) over hs from h0 = tanh(first.h0)
  loss mse(last(gs, 2) @ V, y)
  output gs`,
  },
  {
    target: "[K] over time",
    body: `f = scan c(D, H) as enc over x reset x[0] > 0.3
  b = scan enc over x reset delay(x[0], 1) < -0.4 from h0 = tanh(last(x) @ U) reverse
  loss mse((f + b) @ V, y)
  output f, b`,
  },
  {
    target: "[K] over time",
    body: `hs = scan c(D, H) over x
  a = softmax(whole(hs) @ hs, over whole)
  loss mse((a @ whole(tanh(hs))) @ V, y)
  output hs, a`,
  },
  {
    target: "index(K)",
    input: "index(5)",
    body: `param E : [5, D] = uniform(1)
  hs = scan c(D, H) over embed(x, E)
  logits = last(hs) @ V
  loss cross_entropy(logits, y)
  output logits`,
  },
];

const modelText = (n: number, cell: string, attends: boolean): string => {
  const { target, input = "[D]", body } = pick(models, n);
  return `model m(D = 3, H = 5, K = 3) {
  param V : [H, K] = xavier
  param U : [D, H] = xavier
  input x : ${input} over time
  target y : ${target}
  ${(attends ? body.replaceAll(/over (embed\(.*?\)|[xh]1?)(?= reset| reverse|$)/gm, "over $1, $1") : body).replaceAll("scan c(", `scan ${cell}(`)}
}
`;
};

export interface ProgramSizes {
  /** Lines of a cell at most. */
  readonly lines: number;
  readonly states: number;
  /** Extents from which on products are packed: of features, and of examples. */
  readonly wide?: boolean;
}

const line = fc.record({ make: fc.nat(997), a: fc.nat(3), b: fc.nat(3), norm: fc.nat(997) });

export const randomPrograms = ({ lines, states, wide }: ProgramSizes): fc.Arbitrary<RandomProgram> =>
  fc
    .record({
      states: fc.array(fc.constantFrom("0", "0.4", "learned", "noise(0.3)", "learned + noise(0.2)"), {
        minLength: 1,
        maxLength: states,
      }),
      first: fc.nat(997),
      lines: fc.array(line, { minLength: 1, maxLength: lines }),
      derived: fc.option(fc.nat(997), { freq: 4 }),
      model: fc.option(fc.nat(997), { freq: 1 }),
      D: wide ? fc.constantFrom(1, 2, 17) : fc.constantFrom(1, 2, 3),
      H: wide ? fc.constantFrom(15, 16, 17, 32, 34) : fc.constantFrom(3, 4, 5, 6),
      // The normalized values of two numbers are nearly ±1, their derivatives nearly nothing.
      batch: wide ? fc.constantFrom(5, 15, 16, 18) : fc.integer({ min: 3, max: 6 }),
      time: fc.integer({ min: 1, max: 4 }),
    })
    .map(({ states, first, lines, derived, model, ...sizes }) => {
      const cell = new CellText(sizes);
      for (const initial of states) cell.state(initial);
      cell.first(first);
      for (const l of lines) cell.line(l);
      const entry = derived === null ? "c" : "d";
      const cells = declarations + cell.text() + (derived === null ? "" : cell.derived(derived));
      if (model === null) return { text: cells, entry, ...sizes };
      const text = modelText(model, entry, cell.attends);
      // Where a scan begins anew, no statistics are kept for its steps.
      const kept = / reset /.test(text) ? cells.replaceAll("stats = per_step(2)", "stats = shared") : cells;
      return { text: kept + text, entry: "m", ...sizes };
    });
