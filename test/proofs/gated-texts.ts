/** Texts of LSTM, GRU and plain cells, written in every way that means the same. */
import fc from "fast-check";

export interface GatedText {
  readonly kind: "lstm" | "gru" | "rnn";
  readonly text: string;
  /** Where the numbers of each gate are: `Wx[0,3; 4,8]`, or `b[0:4]`. */
  readonly places: Readonly<
    Record<string, { readonly input: string; readonly recurrent: string; readonly bias: readonly string[] }>
  >;
}

export const D = 3;
export const H = 4;

/** The gates as they are called in the text, with the role that each plays. */
const roles = {
  lstm: { i: "input", f: "forget", g: "cell", o: "output" },
  gru: { r: "reset", z: "update", n: "new" },
  rnn: { a: "hidden" },
} as const;

const updates = {
  lstm: [
    ["c' = sigmoid(f) * c + sigmoid(i) * tanh(g)", "h' = sigmoid(o) * tanh(c')"],
    ["c' = tanh(g) * sigmoid(i) - -sigmoid(f) * c", "h' = tanh(c') * sigmoid(o)"],
  ],
  gru: [["h' = (1 - u) * m + u * h"], ["h' = m + u * (h - m)"], ["h' = m - u * m + h * u"]],
  rnn: [["h' = tanh(a)"], ["h' = relu(a)"]],
} as const;

interface Choices {
  readonly order: readonly string[];
  readonly update: number;
  /** Whether each gate has a matrix of its own. */
  readonly ownX: boolean;
  readonly ownH: boolean;
  readonly ownB: boolean;
  /** One matrix for both products. */
  readonly both: "no" | "xh" | "hx";
  readonly transposed: boolean;
  readonly biases: 0 | 1 | 2;
}

const choices = (kind: keyof typeof roles): fc.Arbitrary<Choices> => {
  const gates = Object.keys(roles[kind]);
  return fc.record({
    order: fc.shuffledSubarray(gates, { minLength: gates.length }),
    update: fc.nat({ max: updates[kind].length - 1 }),
    ownX: fc.boolean(),
    ownH: fc.boolean(),
    ownB: fc.boolean(),
    both: fc.constantFrom("no", "xh", "hx"),
    transposed: fc.boolean(),
    biases: fc.constantFrom(0, 1, 2),
  });
};

/** A text in one of its many forms. The GRU resets after the product. */
export function gatedText(kind: GatedText["kind"]): fc.Arbitrary<GatedText> {
  return choices(kind).map((chosen) => written(kind, chosen));
}

function written(
  kind: GatedText["kind"],
  { order, update, ownX, ownH, ownB, both, transposed, biases }: Choices,
): GatedText {
  // A GRU multiplies the state's product by the reset gate alone.
  const joined = kind === "gru" ? "no" : both;
  const n = order.length;
  const params: string[] = [];
  const lines: string[] = [];
  const places = new Map<string, { input: string; recurrent: string; bias: string[] }>();
  const matrix = (name: string, rows: string, blocks: number): string => {
    const columns = blocks === 1 ? "H" : `${blocks}H`;
    params.push(`param ${name} : [${transposed ? `${columns}, ${rows}` : `${rows}, ${columns}`}] = xavier`);
    return transposed ? `transpose(${name})` : name;
  };
  /** The product of each gate, and where its weights are. */
  const products = (of: string, name: string, rows: string, own: boolean): readonly string[] => {
    if (own) return order.map((gate) => `${of} @ ${matrix(`${name}_${gate}`, rows, 1)}`);
    const parts = order.map((gate) => `${name}${gate}`);
    const product = `${of} @ ${matrix(name, rows, n)}`;
    lines.push(n === 1 ? `${parts[0]} = ${product}` : `${parts.join(", ")} = split(${product}, ${n})`);
    return parts;
  };
  const block = (name: string, own: boolean, at: number, [from, to]: readonly [number, number]): string =>
    `${own ? `${name}_${order[at]}` : name}[${from},${to}; ${own ? `0,${H}` : `${at * H},${(at + 1) * H}`}]`;
  const entering = joined === "xh" ? "concat(x, h)" : "concat(h, x)";
  const x = joined === "no" ? products("x", "X", "D", ownX) : products(entering, "B", "D + H", ownX);
  const h = joined === "no" ? products("h", "R", "H", ownH) : undefined;
  const biasNames = ["b", "k"].slice(0, biases);
  const added = biasNames.map((name) => {
    if (ownB) {
      params.push(...order.map((gate) => `param ${name}_${gate} : [H] = 0.5`));
      return order.map((gate) => `${name}_${gate}`);
    }
    params.push(`param ${name} : [${n === 1 ? "H" : `${n}H`}] = 0.5`);
    lines.push(
      n === 1
        ? `${name}${order[0]} = ${name}`
        : `${order.map((gate) => `${name}${gate}`).join(", ")} = split(${name}, ${n})`,
    );
    return order.map((gate) => `${name}${gate}`);
  });
  order.forEach((gate, at) => {
    const [rowsX, rowsH]: readonly (readonly [number, number])[] =
      joined === "no"
        ? [
            [0, D],
            [0, H],
          ]
        : joined === "xh"
          ? [
              [0, D],
              [D, D + H],
            ]
          : [
              [H, H + D],
              [0, H],
            ];
    places.set(roles[kind][gate as never], {
      input: block(joined === "no" ? "X" : "B", ownX, at, rowsX),
      recurrent: joined === "no" ? block("R", ownH, at, rowsH) : block("B", ownX, at, rowsH),
      bias: biasNames.map((name) => (ownB ? `${name}_${gate}[0:${H}]` : `${name}[${at * H}:${(at + 1) * H}]`)).sort(),
    });
    const bias = added.map((names) => ` + ${names[at]}`).join("");
    // PyTorch's second bias, under the reset gate.
    const under = biases > 0 && kind === "gru" && gate === "n";
    if (under) params.push("param under : [H] = 0.5");
    if (kind === "gru" && gate === "n")
      lines.push(`state_n = ${h![at]}${under ? " + under" : ""}`, `input_n = ${x[at]}${bias}`);
    else lines.push(`${gate} = ${x[at]}${h === undefined ? "" : ` + ${h[at]}`}${bias}`);
  });
  const gru = kind === "gru" ? ["u = sigmoid(z)", "m = tanh(sigmoid(r) * state_n + input_n)"] : [];
  const states = kind === "lstm" ? ["state c : [H] = 0", "state h : [H] = 0"] : ["state h : [H] = 0"];
  const body = [...params, "input x : [D]", ...states, ...lines, ...gru, ...updates[kind][update], "output h'"];
  return {
    kind,
    text: `cell made(D = ${D}, H = ${H}) {\n${body.map((line) => `  ${line}`).join("\n")}\n}\n`,
    places: Object.fromEntries(places),
  };
}
