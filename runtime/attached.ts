/** The same model compiled for another batch size, which serves a session's batches of that size. */
import type { Machine } from "./backend.ts";
import { RuntimeError } from "./error.ts";
import { differencesOf } from "./identity.ts";
import { elementsOf, type Kept, keptTensors } from "./layout.ts";
import type { Plan } from "./plan.ts";
import { extend } from "./statistics.ts";

/** Parameters and statistics: what inference reads. */
const needed = (kept: readonly Kept[]): readonly Kept[] => kept.filter(({ kind }) => kind !== "slot");

/**
 * Throws C0403, naming what differs, unless `attached` is `plan` at another batch size: equations, loss and metrics alike, since
 * an evaluation adds up what both measure. It may keep statistics of more steps, as compiled for longer sequences, but not of fewer.
 */
export function checkAttached(attached: Plan, plan: Plan): void {
  const theirs = new Map(needed(keptTensors(attached)).map((kept) => [kept.name, kept]));
  const wrong = needed(keptTensors(plan)).flatMap(({ name, kind, shape }) => {
    const found = theirs.get(name);
    if (found === undefined) return [`it lacks \`${name}\``];
    const [rows, ...row] = shape;
    const [theirRows, ...theirRow] = found.shape;
    const fits = row.join() === theirRow.join() && (kind === "stat" ? theirRows >= rows : theirRows === rows);
    return fits ? [] : [`its \`${name}\` is [${found.shape.join(", ")}], this one's [${shape.join(", ")}]`];
  });
  const differences = wrong.length > 0 ? wrong : differencesOf(attached, plan, "all");
  if (differences.length === 0) return;
  throw new RuntimeError(
    "C0403",
    `${attached.name} is not ${plan.name} at another batch size: ${differences.join("; ")}`,
    "compile the same model, with the same placements, dimensions and sequence length",
  );
}

/** Copies parameters and statistics from a session's machine. Steps beyond its last row of statistics use that row. */
export async function copyKept(kept: readonly Kept[], from: Machine, attached: Plan, to: Machine): Promise<void> {
  const theirs = new Map(needed(keptTensors(attached)).map((other) => [other.name, other]));
  const ours = needed(kept);
  const data = await from.read(ours.map(({ range }) => range));
  for (const [index, { name, kind, shape }] of ours.entries()) {
    const { shape: wanted, range } = theirs.get(name)!;
    await to.write(range, kind === "stat" ? withRows(data[index], shape[0], wanted) : data[index]);
  }
}

/** A statistic of `known` rows as one of `shape`, which has as many or more. */
function withRows(statistic: Float32Array, known: number, shape: readonly number[]): Float32Array {
  if (shape[0] === known) return statistic;
  const longer = new Float32Array(elementsOf(shape));
  longer.set(statistic);
  return extend(longer, shape[0], known);
}
