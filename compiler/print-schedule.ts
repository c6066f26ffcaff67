/** The schedule for people: every entry's kernels in order, their owners, and how often each runs. */

import type { Command, EntryName, Extent } from "../runtime/plan.ts";
import type { Machine } from "./machine.ts";
import { loopOwners } from "./partition/loop-owner.ts";
import type { Candidate, ChosenLoop } from "./partition/loop-strategy.ts";
import type { Scheduled } from "./schedule.ts";

const showExtent = ({ fixed, perStep }: Extent): string =>
  perStep === 0 ? String(fixed) : fixed === 0 ? `${perStep === 1 ? "" : perStep}T` : `${fixed} + ${perStep}T`;

export function printSchedule(entries: ReadonlyMap<EntryName, Scheduled>, machine: Machine): string {
  const lines = [`schedule for ${machine.name}`];
  for (const [name, scheduled] of entries) {
    lines.push("", `${name}:`);
    const kernels = new Map(scheduled.kernels.map((k) => [k.kernel.name, k]));
    const show = (command: Command, indent: string): void => {
      if (command.do !== "dispatch") {
        const what = command.do === "steps" ? "step" : `segment of ${command.length} steps`;
        lines.push(`${indent}for each ${what}${command.reverse ? ", last to first" : ""}:`);
        for (const inner of command.commands) show(inner, `${indent}  `);
        return;
      }
      const { kernel, part } = kernels.get(command.kernel)!;
      const grid =
        command.grid
          .map(showExtent)
          .filter((e) => e !== "1")
          .join(" × ") || "1";
      lines.push(
        `${indent}${kernel.name}: owner ${part.owner}, ${grid} workgroup${grid === "1" ? "" : "s"}, ${part.ops.length} ops`,
      );
    };
    for (const command of scheduled.commands) show(command, "  ");
    for (const loop of scheduled.loops) lines.push(...showLoop(loop));
  }
  return `${lines.join("\n")}\n`;
}

/** The owner of a loop, and the cost of each owner. */
function showLoop({ direction, owner, reason, candidate }: ChosenLoop): readonly string[] {
  const steps = `  the ${direction} loop is owned by ${owner}: ${reason}`;
  return [steps, ...loopOwners.map((other) => `    ${other}: ${showCandidate(candidate(other))}`)];
}

const microseconds = (n: number): string => `${n < 100 ? n.toPrecision(2) : Math.round(n).toLocaleString("en")} µs`;

function showCandidate(candidate: Candidate): string {
  if ("refused" in candidate) return candidate.refused;
  const { total, dispatches, dispatch, workgroups, work, barriers } = candidate.cost;
  const parts = [
    `${dispatches.toLocaleString("en")} dispatch${dispatches === 1 ? "" : "es"} ${microseconds(dispatch)}`,
    `${workgroups.toLocaleString("en")} workgroup${workgroups === 1 ? "" : "s"} at work ${microseconds(work)}`,
    `barriers ${microseconds(barriers)}`,
  ];
  return `about ${microseconds(total)}: ${parts.join(", ")}`;
}
