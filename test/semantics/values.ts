/** What an expression is in a model: its shape and its numbers, by the reference interpreter. */
import { interpret } from "../../compiler/ir/interpret.ts";
import { compile } from "./sources.ts";

export interface Numbers {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/** A parameter or an input: its shape in the text, and its numbers. */
export type Given = Readonly<Record<string, readonly [shape: string, data: readonly number[]]>>;

/** A model whose output is `value`, of these parameters and of the dimensions H = 4 and K = 2. */
export function modelOf(value: string, params: Given, before = ""): string {
  const declared = Object.entries(params).map(([name, [shape]]) => `param ${name} : ${shape} = 0`);
  return `model m(H = 4, K = 2) {
  ${declared.join("\n  ")}
  input i : index(H)
  target z : []
  ${before}
  y = ${value}
  output y
  loss mse(sum(y, over feature) + sum(one_hot(i, H), over feature), z)
}
`;
}

/** The numbers of `value`. */
export function numbersOf(value: string, params: Given, before = ""): Numbers {
  const { graph, dims } = compile(modelOf(value, params, before));
  const others: Readonly<Record<string, readonly number[]>> = { i: [1], z: [0] };
  const made = interpret(graph, {
    dims: { ...dims, batch: 1, time: 1 },
    leaf: (name) => (Object.hasOwn(params, name) ? params[name][1] : others[name]),
  });
  const { type, shape, data } = made.get("output:y")!;
  return { shape: type.batch ? shape.slice(1) : shape, data: [...data] };
}
