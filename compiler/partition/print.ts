/** The text of a partition: every kernel's ops by stage, its owner, and the materialised values. */
import { printOp, type ValueNames, valueNames } from "../ir/text.ts";
import { showType } from "../ir/type.ts";
import { directionOf } from "./loop-strategy.ts";
import { isLoop, type Partition, type PartitionedKernel, type Unit } from "./partition.ts";

/** The partition of the entry `name`. */
export function printPartition(name: string, partition: Partition): string {
  const lines = partition.flatMap(({ graph, loop, units, crossing }) => {
    const names = valueNames(graph);
    const repeats = loop === undefined ? "" : `, for each segment${loop === "backward" ? " from the last" : ""}`;
    return [
      `partition ${name} of ${graph.name}${repeats} {`,
      ...indented([...stored("crossing", crossing, names), ...units.flatMap((unit) => unitLines(unit, names))]),
      "}",
    ];
  });
  return `${lines.join("\n")}\n`;
}

const indented = (lines: readonly string[]): readonly string[] => lines.map((line) => `  ${line}`);

const stored = (what: string, values: PartitionedKernel["temporaries"], names: ValueNames): readonly string[] =>
  values.length === 0 ? [] : [`${what} ${[...new Set(values)].map(names).join(", ")}`];

function unitLines(unit: Unit, names: ValueNames): readonly string[] {
  if (!isLoop(unit)) return kernelLines(unit, names);
  return [
    `loop ${directionOf(unit.scan)} owned by ${unit.owner} {`,
    ...indented([
      ...stored("crossing", unit.crossing, names),
      ...unit.body.flatMap((kernel) => kernelLines(kernel, names)),
    ]),
    "}",
  ];
}

function kernelLines(kernel: PartitionedKernel, names: ValueNames): readonly string[] {
  const { name, owner, space, stages, temporaries } = kernel;
  return [
    `kernel ${name} owned by ${owner} over ${showType(space)} {`,
    ...indented([
      ...stored("temporary", temporaries, names),
      ...stages.flatMap((ops, at) => [...(at === 0 ? [] : ["barrier"]), ...ops.flatMap((op) => printOp(op, names))]),
    ]),
    "}",
  ];
}
