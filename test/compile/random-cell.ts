/** Random programs: a cell of a few states, products, gates and sites under random norms, alone or in a model. */
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
  (_, a, b) => `zoneout(tanh(${a}), ${b}, 0.2)`,
];

const norms = [
  undefined,
  "batch",
  "batch(gamma = 0.7, beta = none)",
  "batch(gamma = 0.5, stats = shared)",
  "layer",
  "layer(gamma = 0.5, beta = none)",
  "rms",
  undefined,
  "batch_renorm(r_max = 2, d_max = 0.5)",
  "cosine(gamma = 2)",
];

class CellText {
  private readonly head: string[] = [];
  private readonly body: string[] = [];
  private readonly values: string[] = [];
  private names = 0;

  private name(hint: string): string {
    return `${hint}${this.names++}`;
  }

  param(shape: string, init: string): string {
    const name = this.name("W");
    this.head.push(`param ${name} : ${shape} = ${init}`);
    if (shape.includes(",") && this.names % 4 === 0) this.head.push(`place ${name} : weight`);
    return name;
  }

  state(initial: string): void {
    const name = this.name("h");
    this.head.push(`state ${name} : [H] = ${initial === "learned" ? this.param("[H]", "0.3") : initial}`);
    this.values.push(name);
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

  line({ make, a, b, norm }: Line): void {
    const of = (k: number): string => this.values[this.values.length - 1 - (k % Math.min(4, this.values.length))];
    const made = makers[make % makers.length](this, of(a), of(b));
    const placed = norms[norm % norms.length];
    const name = this.name(placed ? "s" : "v");
    // What is alike for all examples, or all features, leaves a norm nothing but rounding errors to divide by their size.
    const value = placed ? `${made} + x @ ${this.param("[D, H]", "xavier")}` : made;
    this.body.push(`${placed ? "site " : ""}${name} = ${value}`);
    if (placed) this.body.push(`place ${name} : ${placed}`);
    this.values.push(name);
  }

  /** Every state's next value: the last lines', kept small. */
  text(states: number): string {
    const made = this.values.slice(states);
    const next = Array.from({ length: states }, (_, k) => {
      const state = this.values[k];
      const v = made[made.length - 1 - (k % made.length)];
      return `${state}' = ${k % 2 === 0 ? `tanh(${v})` : `0.5 * ${state} + 0.5 * tanh(${v})`}`;
    });
    const first = "site t0 = x @ W_x";
    const lines = ["param W_x : [D, H] = xavier", ...this.head, "input x : [D]", first, ...this.body, ...next];
    return `cell c(D = 3, H = 5) {\n  ${lines.join("\n  ")}\n  output ${this.values[0]}'\n}\n`;
  }
}

/** What is made of the cell: nothing, or a model with a loss. */
const wrappers: readonly (undefined | string)[] = [
  undefined,
  undefined,
  `hs = scan c(D, H) over x
  loss mse(last(hs) @ V, y)
  output hs`,
  `f = scan c(D, H) over x
  b = scan c(D, H) over x reverse
  loss mse((f + b) @ V, y)
  output f`,
  `h1 = scan c(D, H) over x
  h2 = scan c(H, H) over h1 reverse
  loss mse(mean(h2, over time) @ V, first(h1) @ V - y)
  output h2`,
];

const line = fc.record({ make: fc.nat(997), a: fc.nat(3), b: fc.nat(3), norm: fc.nat(19) });

export const randomPrograms: fc.Arbitrary<RandomProgram> = fc
  .record({
    states: fc.array(fc.constantFrom("0", "0.4", "learned", "noise(0.3)"), { minLength: 1, maxLength: 3 }),
    lines: fc.array(line, { minLength: 1, maxLength: 7 }),
    wrapper: fc.constantFrom(...wrappers),
    D: fc.constantFrom(2, 3, 4),
    H: fc.constantFrom(4, 5, 6, 9),
    // The normalized values of two numbers are nearly ±1, their derivatives nearly nothing.
    batch: fc.integer({ min: 4, max: 7 }),
    time: fc.integer({ min: 1, max: 5 }),
  })
  .map(({ states, lines, wrapper, ...sizes }) => {
    const cell = new CellText();
    for (const initial of states) cell.state(initial);
    // Learned states declare a parameter first: every value so far is a state.
    for (const l of lines) cell.line(l);
    const text = cell.text(states.length);
    if (wrapper === undefined) return { text, entry: "c", ...sizes };
    const target = wrapper.includes("over x reverse") ? "[K] over time" : "[K]";
    const model = `model m(D = 3, H = 5, K = 2) {
  param V : [H, K] = xavier
  input x : [D] over time
  target y : ${target}
  ${wrapper}
}
`;
    return { text: text + model, entry: "m", ...sizes };
  });
