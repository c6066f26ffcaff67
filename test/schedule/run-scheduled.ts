/** Runs a schedule by the meaning of Kernel IR alone: no target, no runtime. */
import { compareMoments, type Life } from "../../compiler/schedule/arena.ts";
import type { Buffer } from "../../compiler/schedule/layout.ts";
import type { Scheduled } from "../../compiler/schedule/schedule.ts";
import type { Command, Tensor } from "../../runtime/plan.ts";
import { interpret } from "../targets/interpret.ts";
import type { Memory } from "../targets/run.ts";

/** Whether a life reaches from command `at` to the one behind it. */
const meetsGap =
  (at: number) =>
  (life: Life): boolean =>
    compareMoments(life.from, [at, Number.POSITIVE_INFINITY]) <= 0 &&
    compareMoments(life.to, [at + 1, Number.NEGATIVE_INFINITY]) >= 0;

/**
 * `numbers` by tensor name; the results by kind and name, as the reference calls them. Memory starts as NaN, so that nothing may
 * be read before it is written, and what the arena gives up turns NaN behind the command that used it last.
 */
export function runScheduled(
  { kernels, commands, tensors, regions, arena }: Scheduled,
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
  const spans = ({ time, ring, offset, size }: Buffer): readonly (readonly [number, number])[] => {
    const { fixed, frame } = regions.work;
    if (ring) return [[offset, offset + ring * 16 * Math.ceil(size / 16)]];
    if (!time) return [[offset, offset + size]];
    return Array.from({ length: steps + 1 }, (_, f) => fixed + f * frame + offset).map((at) => [at, at + size]);
  };
  const byName = new Map(kernels.map(({ kernel }) => [kernel.name, kernel]));
  const run = (command: Command, t: number): void => {
    if (command.do === "dispatch") {
      memory = interpret(byName.get(command.kernel)!, memory, { t, T: steps });
      return;
    }
    for (let i = 0; i < steps; i++)
      for (const inner of command.commands) run(inner, command.reverse ? steps - 1 - i : i);
  };
  commands.forEach((command, at) => {
    run(command, 0);
    const stays = meetsGap(at);
    const kept = new Uint8Array(memory.work.length);
    for (const { buffer, life } of arena)
      if (stays(life)) for (const [from, to] of spans(buffer)) kept.fill(1, from, to);
    memory.work.forEach((_, i) => {
      if (!kept[i]) memory.work[i] = Number.NaN;
    });
  });
  return new Map(
    tensors.flatMap((tensor) => {
      const { role, name } = tensor;
      const key = role.kind === "grad" ? `grad:${role.of}` : `${role.kind}:${name}`;
      return [[key, Float32Array.from(pieces(tensor).flatMap((piece) => [...piece]))] as const];
    }),
  );
}
