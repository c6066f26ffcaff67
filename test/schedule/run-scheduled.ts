/** Runs a schedule by the meaning of Kernel IR alone: no target, no runtime. */
import type { Scheduled } from "../../compiler/schedule/schedule.ts";
import type { Command, Tensor } from "../../runtime/plan.ts";
import { interpret } from "../targets/interpret.ts";
import type { Memory } from "../targets/run.ts";

/** `numbers` by tensor name; the results by kind and name, as the reference calls them. Memory starts as NaN, so that nothing may be read before it is written. */
export function runScheduled(
  { kernels, commands, tensors, regions }: Scheduled,
  steps: number,
  numbers: Readonly<Record<string, Float32Array>>,
): ReadonlyMap<string, Float32Array> {
  let memory: Memory = Object.fromEntries(
    Object.entries(regions).map(([name, { fixed, frame }]) => [
      name,
      new Float32Array(fixed + frame * (steps + 1)).fill(Number.NaN),
    ]),
  );
  const pieces = (tensor: Tensor): readonly Float32Array[] => {
    const { fixed, frame } = regions[tensor.region];
    const rows = tensor.role.kind === "stat" ? tensor.role.steps : 1;
    const size = tensor.shape.reduce((a, b) => a * b, rows);
    const starts = tensor.time ? Array.from({ length: steps }, (_, t) => fixed + t * frame) : [0];
    return starts.map((start) => memory[tensor.region].subarray(start + tensor.offset, start + tensor.offset + size));
  };
  for (const tensor of tensors) {
    const data = numbers[tensor.name];
    if (data === undefined) continue;
    pieces(tensor).forEach((piece, i) => {
      piece.set(data.subarray(i * piece.length, (i + 1) * piece.length));
    });
  }
  const byName = new Map(kernels.map(({ kernel }) => [kernel.name, kernel]));
  const run = (command: Command, t: number): void => {
    if (command.do === "dispatch") {
      memory = interpret(byName.get(command.kernel)!, memory, { t, T: steps });
      return;
    }
    for (let i = 0; i < steps; i++)
      for (const inner of command.commands) run(inner, command.reverse ? steps - 1 - i : i);
  };
  for (const command of commands) run(command, 0);
  return new Map(
    tensors.flatMap((tensor) => {
      const { role, name } = tensor;
      const key = role.kind === "grad" ? `grad:${role.of}` : `${role.kind}:${name}`;
      return [[key, Float32Array.from(pieces(tensor).flatMap((piece) => [...piece]))] as const];
    }),
  );
}
