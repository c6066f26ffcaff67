/** Runs a schedule by the meaning of Kernel IR alone: no target, no runtime. */
import { comparePoints, type LiveInterval, type ProgramPoint } from "../../compiler/buffers/arena.ts";
import type { Buffer } from "../../compiler/buffers/layout.ts";
import type { SharedTexture } from "../../compiler/buffers/textures.ts";
import type { GeneratedKernel } from "../../compiler/codegen/generate.ts";
import { mapExprs } from "../../compiler/kernel-ir/rewrite.ts";
import type { Kernel, Memory as KMemory, KStmt } from "../../compiler/kernel-ir/types.ts";
import type { Scheduled } from "../../compiler/schedule.ts";
import { floatsOf } from "../../runtime/layout.ts";
import type { Command, Tensor, Texture } from "../../runtime/plan.ts";
import { indexAt } from "../../runtime/texture-index.ts";
import { interpret } from "../targets/interpret.ts";
import type { Memory } from "../targets/run.ts";

/** Whether an interval reaches from one command to the next. */
const meetsGap =
  (before: ProgramPoint, after: ProgramPoint) =>
  (interval: Pick<LiveInterval, "from" | "to">): boolean =>
    comparePoints(interval.from, [...before, Number.POSITIVE_INFINITY]) <= 0 &&
    comparePoints(interval.to, [...after, Number.NEGATIVE_INFINITY]) >= 0;

/** Floats of a frame, in whole texels. */
const wholeTexels = ({ size }: Texture): number => 4 * Math.ceil(size / 4);

const framesIn = ({ frames = 1 }: Texture, T: number): number => indexAt(frames, { t: 0, T, y: 0 });

/** Whether a texture has what the host reads as `tensor`. */
const holds = ({ host = [], frames }: Texture, { offset, time }: Tensor, frame: number): boolean =>
  time === (frames !== undefined) && host.some((part) => part.offset === (time ? offset % frame : offset));

/** The kernel, with the textures by their own names instead of those of the buffers in them. */
function inTextures(kernel: Kernel, textures: readonly SharedTexture[]): Kernel {
  if (textures.length === 0) return kernel;
  const named = (memory: KMemory): KMemory =>
    memory.kind === "tile"
      ? memory
      : { ...memory, region: textures.find((t) => t.holds.includes(memory.region))?.texture.name ?? memory.region };
  const inBlock = (body: readonly KStmt[]): readonly KStmt[] =>
    body.map((statement): KStmt => {
      const s = mapExprs(statement, (e) => (e.k === "load" ? { ...e, memory: named(e.memory) } : e));
      if (s.s === "store") return { ...s, memory: named(s.memory) };
      if (s.s === "for") return { ...s, body: inBlock(s.body) };
      return s.s === "if" ? { ...s, then: inBlock(s.then), else: inBlock(s.else) } : s;
    });
  const regions = kernel.regions.map((bound) => ({
    ...bound,
    region: (named({ kind: "region", region: bound.region }) as { region: string }).region,
  }));
  return { ...kernel, regions, body: inBlock(kernel.body) };
}

/** A schedule; without an arena nothing is freed. */
export type Runnable = Pick<Scheduled, "commands" | "tensors" | "regions"> &
  Partial<Pick<Scheduled, "arena" | "textures">> & { readonly kernels: readonly Pick<GeneratedKernel, "kernel">[] };

/**
 * `numbers` by tensor name; the results by kind and name, as the reference calls them. Memory starts as NaN, so that nothing may be
 * read before it is written, and what the arena frees turns NaN after the command that used it last.
 */
export function runScheduled(
  { kernels, commands, tensors, regions, arena: known, textures }: Runnable,
  steps: number,
  numbers: Readonly<Record<string, Float32Array>>,
  subgroupSize?: number,
): ReadonlyMap<string, Float32Array> {
  // What textures hold is not freed: it is overwritten by what shares one.
  const arena = textures ? undefined : known;
  const lengths = [
    ...Object.entries(regions).map(([name, region]) => [name, floatsOf(region, steps)] as const),
    ...(textures ?? []).map(({ texture }) => [texture.name, wholeTexels(texture) * framesIn(texture, steps)] as const),
  ];
  let memory: Memory = Object.fromEntries(
    lengths.map(([name, length]) => [name, new Float32Array(length).fill(Number.NaN)]),
  );
  const pieces = (tensor: Tensor): readonly Float32Array[] => {
    const { fixed, frame } = regions[tensor.region];
    const { row } = tensor;
    if (row !== undefined && tensor.role.kind === "stat") {
      const length = tensor.shape.reduce((a, b) => a * b, 1);
      return Array.from({ length: tensor.role.steps }, (_, i) =>
        memory[tensor.region].subarray(tensor.offset + i * row, tensor.offset + i * row + length),
      );
    }
    const rows = tensor.role.kind === "stat" ? tensor.role.steps : 1;
    const size = tensor.shape.reduce((a, b) => a * b, rows);
    const texture =
      tensor.region === "work" ? textures?.find(({ texture }) => holds(texture, tensor, frame)) : undefined;
    if (texture) {
      const shift = tensor.time ? Math.floor(tensor.offset / frame) : 0;
      return Array.from({ length: tensor.time ? steps : 1 }, (_, t) => {
        const start = wholeTexels(texture.texture) * (t + shift);
        return memory[texture.texture.name].subarray(start, start + size);
      });
    }
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
  /** What of a buffer is kept where `stays` says so of its live interval. */
  const spans = (
    { region, time, ring, offset, size, span }: Buffer,
    interval: LiveInterval,
    stays: ReturnType<typeof meetsGap>,
  ): readonly (readonly [number, number])[] => {
    const { fixed, frame, segment } = regions[region];
    // Frames of segments and what is kept at borders: not looked at more closely.
    if (!ring && span === "borders") return [[fixed + frame * (steps + 1), memory[region].length]];
    if (!ring && time && span === "segment" && segment) return [[0, fixed]];
    if (span === "sequence" && time && !ring) {
      const frames = Array.from({ length: steps + 1 }, (_, f) => f);
      const kept = frames.filter((f) =>
        f < steps ? stays(interval) : interval.behind !== undefined && stays(interval.behind),
      );
      return kept.map((f) => fixed + f * frame + offset).map((at) => [at, at + size]);
    }
    if (span === "sequence" && !stays(interval)) return [];
    if (ring) return [[offset, offset + ring * 16 * Math.ceil(size / 16)]];
    if (!time) return [[offset, offset + size]];
    return Array.from({ length: steps + 1 }, (_, f) => fixed + f * frame + offset).map((at) => [at, at + size]);
  };
  const byName = new Map(kernels.map(({ kernel }) => [kernel.name, inTextures(kernel, textures ?? [])]));
  /** `length` steps from `t` on: those of the sequence, or of a segment. */
  const run = (command: Command, t: number, length: number): void => {
    if (command.do === "dispatch") {
      memory = interpret(byName.get(command.kernel)!, memory, { t, T: steps, steps: length }, subgroupSize);
      return;
    }
    const stride = command.do === "steps" ? 1 : command.length;
    const count = Math.ceil(length / stride);
    for (let i = 0; i < count; i++) {
      const from = (command.reverse ? count - 1 - i : i) * stride;
      const own = command.do === "steps" ? length : Math.min(stride, length - from);
      for (const inner of command.commands) run(inner, t + from, own);
    }
  };
  let point: ProgramPoint = [0, 0];
  for (const command of commands) {
    // A loop over segments is a piece of its own.
    if (command.do === "segments") point = [point[0] + 1, 0];
    run(command, 0, steps);
    if (arena === undefined) continue;
    const next: ProgramPoint = command.do === "segments" ? [point[0] + 1, 0] : [point[0], point[1] + 1];
    const stays = meetsGap(point, next);
    for (const region of ["work", "half"]) {
      const kept = new Uint8Array(memory[region].length);
      for (const { buffer, interval } of arena)
        if (buffer.region === region) for (const [from, to] of spans(buffer, interval, stays)) kept.fill(1, from, to);
      memory[region].forEach((_, i) => {
        if (!kept[i]) memory[region][i] = Number.NaN;
      });
    }
    point = next;
  }
  return new Map(
    tensors.flatMap((tensor) => {
      const { role, name } = tensor;
      const kind = role.kind === "stat" ? "population" : role.kind;
      const key = `${kind}:${role.kind === "grad" || role.kind === "batch_stat" ? role.of : name}`;
      return [[key, Float32Array.from(pieces(tensor).flatMap((piece) => [...piece]))] as const];
    }),
  );
}
