/** Partitions and buffers of what people compile obey the rules, and the verifiers see where one does not. */
import { describe, expect, it } from "vitest";
import { fileHost } from "../../cli/api/file-host.ts";
import { verifyBuffers } from "../../compiler/buffers/verify.ts";
import { scheduleEntries, updateDims } from "../../compiler/entries.ts";
import { keptOf } from "../../compiler/partition/chunks.ts";
import {
  isLoop,
  type Partition,
  type PartitionedKernel,
  type PartitionedLoop,
} from "../../compiler/partition/partition.ts";
import { verifyPartition } from "../../compiler/partition/verify.ts";
import { withMeanAxes } from "../../compiler/proofs/mean-axes.ts";
import { elaborate } from "../../compiler/semantics/elaborate.ts";
import { wasm } from "../../targets/wasm/target.ts";
import { wgsl } from "../../targets/wgsl/target.ts";
import { exampleFolders, examplesIn } from "../compile/examples.ts";

const sizes = { batch: 18, time: 6 };
const options = [
  {},
  { ragged: true },
  { parts: 2, loops: { forward: "column", backward: "column" } },
  { loops: { forward: "whole", backward: "whole" } },
] as const;
const chunks = { loops: { forward: "chunk", backward: "chunk" } } as const;

/** The entries of an example, with the numbers of their dimensions. */
function entriesOf(path: string, entry: string, target: typeof wasm, more: (typeof options)[number] | typeof chunks) {
  const { graph, dims } = elaborate(path, fileHost, { entry });
  const { scheduled, shared } = scheduleEntries(withMeanAxes(graph), { ...sizes, ...more, dims, path }, target);
  return [...scheduled].map(([name, { partition, buffers }]) => ({
    ...{ name, partition, buffers },
    dims: name === "update" ? updateDims(shared) : { ...dims, batch: sizes.batch, steps: sizes.time },
  }));
}

const examples = exampleFolders.flatMap((folder) => examplesIn(folder, "cell", "model"));

/** Each example with one of the options, another on each target. */
describe.each([
  { target: wasm, from: 0 },
  { target: wgsl, from: 1 },
])("for $target.name", ({ target, from }) => {
  it.each(examples.map((example, n) => ({ ...example, more: options[(n + from) % options.length] })))(
    "$entry of $path is partitioned and stored by the rules",
    ({ path, entry, more }) => {
      for (const { name, partition, buffers, dims } of entriesOf(path, entry, target, more)) {
        expect(() => verifyPartition(partition, target.machine), name).not.toThrow();
        expect(() => verifyBuffers(buffers, partition, dims), name).not.toThrow();
      }
    },
  );
});

it("loops in chunks are partitioned and stored by the rules", () => {
  for (const entry of ["mingru", "minlstm"])
    for (const { partition, buffers, dims } of entriesOf("examples/cells/minrnn.cell", entry, wgsl, chunks)) {
      expect(() => verifyPartition(partition, wgsl.machine)).not.toThrow();
      expect(() => verifyBuffers(buffers, partition, dims)).not.toThrow();
    }
});

describe("a faulty loop in chunks", () => {
  const [{ partition, buffers, dims }] = entriesOf("examples/cells/minrnn.cell", "mingru", wgsl, chunks);
  const [piece] = partition;
  const loops = (change: (loop: PartitionedLoop) => PartitionedLoop): Partition => [
    { ...piece, units: piece.units.map((unit) => (isLoop(unit) ? change(unit) : unit)) },
  ];
  const check = (faulty: Partition) => (): void => verifyPartition(faulty, wgsl.machine);

  it("lacks a kernel, or has them in another order", () => {
    const fault = /the kernels of a loop owned by chunk are not/;
    expect(check(loops((loop) => ({ ...loop, body: loop.body.slice(0, -1) })))).toThrow(fault);
    expect(check(loops((loop) => ({ ...loop, body: loop.body.toReversed() })))).toThrow(fault);
  });

  it("has no chunks", () => {
    expect(check(loops(({ chunks: _, ...loop }) => loop))).toThrow(/is or is not in chunks/);
  });

  it("keeps nothing of its chunks", () => {
    const kept = new Set(piece.units.flatMap((unit) => (isLoop(unit) && unit.chunks ? keptOf(unit.chunks) : [])));
    const allocations = buffers.allocations.map((of) => new Map([...of].filter(([v]) => !kept.has(v))));
    expect(() => verifyBuffers({ ...buffers, allocations }, partition, dims)).toThrow(/has no buffer/);
  });
});

describe("a faulty", () => {
  const [{ partition, buffers, dims }] = entriesOf("examples/cells/bnlstm.cell", "bnlstm", wgsl, options[2]);
  const [piece] = partition;
  const changed = (change: (kernel: PartitionedKernel) => PartitionedKernel): Partition => [
    {
      ...piece,
      units: piece.units.map((unit) => (isLoop(unit) ? { ...unit, body: unit.body.map(change) } : change(unit))),
    },
  ];
  const check = (faulty: Partition) => (): void => verifyPartition(faulty, wgsl.machine);

  it("partition is refused where an op is left out, twice there, or in the wrong stage", () => {
    expect(check([{ ...piece, units: piece.units.slice(1) }])).toThrow(/is in no kernel/);
    expect(check([{ ...piece, units: [...piece.units, piece.units.find((u) => !isLoop(u))!] }])).toThrow(/two kernels/);
    expect(check(changed((k) => ({ ...k, stages: [k.stages.flat()] })))).toThrow(/in the stage that makes it/);
    expect(check([{ ...piece, units: piece.units.toReversed() }])).toThrow(/before it is made/);
  });

  it("partition is refused where what crosses kernels is not in memory", () => {
    const forgotten = changed((k) => ({ ...k, temporaries: [] })).map((p) => ({ ...p, crossing: [] }));
    expect(check(forgotten)).toThrow(/not in memory/);
  });

  it("assignment is refused where a value has no buffer, or two share one", () => {
    const without = new Map([...buffers.allocations[0]].filter(([v]) => v !== piece.crossing[0]));
    expect(() => verifyBuffers({ ...buffers, allocations: [without] }, partition, dims)).toThrow(/has no buffer/);
    const alike = buffers.arena.map((live) => ({ ...live, life: buffers.arena[0].interval }));
    expect(() => verifyBuffers({ ...buffers, arena: alike, aliases: [] }, partition, dims)).toThrow(/share memory/);
  });
});
