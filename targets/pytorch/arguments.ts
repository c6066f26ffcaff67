/** The arguments of the methods that run a model: the inputs, the state before, and how many steps examples have. */
import type { Leaf, OpOf, Result, Type } from "../../compiler/ir/types.ts";
import { identifier } from "../shared/names.ts";
import { helper } from "./helpers.ts";
import { hasName } from "./marks.ts";
import { extent } from "./text.ts";

type LeafOp = OpOf<"leaf">;

export interface Input {
  readonly name: string;
  readonly argument: string;
  readonly op: LeafOp;
}

/** The time axis of an input; the main one is "". */
export const axisOf = (leaf: Leaf): string => ("axis" in leaf ? (leaf.axis ?? "") : "");
/** The argument that says how many steps examples have along an axis. */
export const lengthsName = (axis: string): string => (axis === "" ? "lengths" : `lengths_${identifier(axis)}`);
/** How many steps there are along an axis, of several. */
export const ownName = (axis: string): string => `steps_of_${axis === "" ? "main" : identifier(axis)}`;

/** Whether some input has time. */
export const isTimed = (inputs: readonly Input[]): boolean => inputs.some(({ op }) => op.attrs.type.time);

/** The time axes of inputs. */
export const axesOfInputs = (inputs: readonly Input[]): readonly string[] =>
  [...new Set(inputs.filter(({ op }) => op.attrs.type.time).map(({ op }) => axisOf(op.attrs.leaf)))].sort();

/** Arguments with their types and defaults. */
export const parameters = (inputs: readonly Input[], state: boolean): readonly string[] => [
  ...inputs.map(({ argument }) => `${argument}: Tensor`),
  ...(state ? ["state: Optional[State] = None"] : []),
  ...axesOfInputs(inputs).map((axis) => `${lengthsName(axis)}: Optional[Tensor] = None`),
];

/** What a call of `forward` is given and returns, with shapes. `dimension`: how a dimension is spelled there. */
export function docLines(
  inputs: readonly Input[],
  outputs: readonly Result[],
  dimension: (name: string) => string,
  hasState: boolean,
): readonly string[] {
  const shape = (type: Type): string =>
    `[${[...(type.batch ? ["batch"] : []), ...(type.time ? ["time"] : []), ...type.shape.map((d) => extent(d, dimension).text)].join(", ")}]`;
  const given = inputs.map(({ argument, op }) => `${argument} ${shape(op.attrs.type)}`).join(", ");
  const made = outputs.map((r) => `${r.name} ${shape(r.value.type)}`).join(", ");
  const state = hasState ? " and the state after the last step" : "";
  return [
    `"""`,
    `${given} → ${made}${state}.`,
    "",
    ...(axesOfInputs(inputs).length > 0
      ? [
          "`lengths` [batch]: how many steps each example has, if not all. What stands after its last step counts nowhere.",
        ]
      : []),
    `"""`,
  ];
}

/** Inputs, time first; sizes; which steps there are. */
export function beginningLines(inputs: readonly Input[]): readonly string[] {
  const lines: string[] = [];
  const timed = inputs.filter(({ op }) => op.attrs.type.time);
  const axes = axesOfInputs(inputs);
  for (const { argument } of timed) lines.push(`${argument} = ${argument}.transpose(0, 1)`);
  const [first] = timed;
  const lengthOf = (axis: string): string =>
    `${timed.find(({ op }) => axisOf(op.attrs.leaf) === axis)!.argument}.shape[0]`;
  if (first !== undefined) {
    const T = axes.length === 1 ? lengthOf(axes[0]) : `max(${axes.map(lengthOf).join(", ")})`;
    lines.push(`T, B = ${T}, ${first.argument}.shape[1]`);
    for (const axis of axes)
      lines.push(
        `${hasName(axis)} = ${helper("which_steps")}(${lengthsName(axis)}, ${lengthOf(axis)}, T, ${first.argument})`,
      );
    if (axes.length > 1)
      for (const { argument, op } of timed) {
        lines.push(`${ownName(axisOf(op.attrs.leaf))} = ${argument}.shape[0]`);
        lines.push(`${argument} = ${helper("pad_steps")}(${argument}, T)`);
      }
  } else if (inputs.length > 0) lines.push(`T, B = 1, ${inputs[0].argument}.shape[0]`);
  return lines;
}
