/** Checks that a kernel may use its buffers: their number, and whether it reads one that it writes. */
import { InternalError } from "../diagnostics/internal-error.ts";
import type { Machine } from "../machine.ts";
import { kernelsOf, type PartitionedPiece } from "../partition/partition.ts";
import type { Allocations } from "./assignment.ts";
import type { Allocation, Buffer } from "./layout.ts";
import { loads, stores } from "./liveness.ts";

/** Throws an InternalError for a kernel that stores to more buffers than its machine can, or loads from one of those. */
export function checkKernelBuffers(
  { units, defs }: PartitionedPiece,
  allocations: Allocations,
  { name: machine, outputs, readWrite, buffers }: Machine,
): void {
  if (outputs === undefined && readWrite) return;
  for (const { name, ops } of units.flatMap(kernelsOf)) {
    const stored: Allocation[] = [];
    stores(ops, allocations, (allocation) => {
      if (!stored.some((other) => isSameCopy(other, allocation))) stored.push(allocation);
    });
    const most = outputs?.most ?? Number.POSITIVE_INFINITY;
    if (stored.length > most)
      throw new InternalError(`${name} stores to ${stored.length} buffers, and a kernel of ${machine} to ${most}`);
    if (readWrite) continue;
    loads(ops, allocations, defs, (allocation) => {
      // What is stored to a region that entries share arrives there when the kernel is done.
      if (buffers === "textures" && isShared(allocation.buffer)) return;
      if (stored.some((other) => isSameCopy(other, allocation)))
        throw new InternalError(
          `${name} loads from a buffer of \`${allocation.buffer.region}\` that it stores to, and no kernel of ${machine} may`,
        );
    });
  }
}

/** Regions in which a buffer is identified by its offset: the entries share them, and each creates its own objects. */
const isShared = ({ region }: Buffer): boolean => region !== "work" && region !== "half" && region !== "input";

/** Whether two values are in the same copy of a buffer: in different frames they are not. */
function isSameCopy(a: Allocation, b: Allocation): boolean {
  if (a.buffer !== b.buffer) {
    const [one, other] = [a.buffer, b.buffer];
    return isShared(one) && one.region === other.region && one.offset === other.offset;
  }
  const otherFrame = a.frame.kind === "shifted" && b.frame.kind === "shifted" && a.frame.by !== b.frame.by;
  return !(a.buffer.time && otherFrame);
}
