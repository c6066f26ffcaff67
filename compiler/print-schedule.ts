/** The schedule for people: every entry's kernels in order, their owners, and how often each runs. */

import type { Command, EntryName, Extent } from "../runtime/plan.ts";
import type { Machine } from "./machine.ts";
import { loopOwners } from "./partition/loop-owner.ts";
import type { Candidate, ChosenLoop } from "./partition/loop-strategy.ts";
import type { Recurrence, RecurrenceKind } from "./proofs/linear-recurrence.ts";
import type { Scheduled } from "./schedule.ts";
import { placeName } from "./semantics/site-names.ts";

const showExtent = ({ fixed, perStep }: Extent): string =>
  perStep === 0 ? String(fixed) : fixed === 0 ? `${perStep === 1 ? "" : perStep}T` : `${fixed} + ${perStep}T`;

/** @param loops the recurrences of each loop of the cell or model */
export function printSchedule(
  entries: ReadonlyMap<EntryName, Scheduled>,
  machine: Machine,
  loops: readonly (readonly Recurrence[])[],
): string {
  const lines = [`schedule for ${machine.name}`, ...loops.flatMap(showRecurrences)];
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

/** What the states of a loop are to themselves. */
const showRecurrences = (loop: readonly Recurrence[], i: number, { length }: { readonly length: number }) => [
  ...["", length === 1 ? "recurrences:" : `recurrences of loop ${i + 1}:`],
  ...loop.map((of) => `  ${of.states.join(", ")}: ${showRecurrence(of)}`),
];

const kinds: Readonly<Record<RecurrenceKind, string>> = {
  linear: "linear",
  elementwise: "elementwise, not linear",
  neither: "neither linear nor elementwise",
};

function showRecurrence({ states, kind, coefficient, because, ended }: Recurrence): string {
  const times = states.length === 1 ? `, times \`${coefficient}\`` : " together";
  const what = kind === "linear" ? `linear in ${states.join(" and ")}${times}` : `${kinds[kind]}: ${because}`;
  if (ended === undefined) return what;
  const { was } = ended;
  const sites = ended.sites.map(placeName);
  const norms = sites.length === 1 ? `the norm at ${sites[0]}` : `the norms at ${sites.join(", ")}`;
  return `${what}; without ${sites.length === 0 ? "norms" : norms} it would be ${kinds[was]}`;
}

/** The owner of a loop, and the cost of each owner. */
function showLoop({ direction, owner, reason, candidate }: ChosenLoop): readonly string[] {
  const steps = `  the ${direction} loop is owned by ${owner}: ${reason}`;
  return [steps, ...loopOwners.map((other) => `    ${other}: ${showCandidate(candidate(other))}`)];
}

const microseconds = (n: number): string => `${n < 100 ? n.toPrecision(2) : Math.round(n).toLocaleString("en")} µs`;

function showCandidate(candidate: Candidate): string {
  if ("refused" in candidate) return candidate.refused;
  const { total, dispatches, dispatch, workgroups, work, barriers, latency } = candidate.cost;
  const parts = [
    `${dispatches.toLocaleString("en")} dispatch${dispatches === 1 ? "" : "es"} ${microseconds(dispatch)}`,
    `${workgroups.toLocaleString("en")} workgroup${workgroups === 1 ? "" : "s"} at work ${microseconds(work)}`,
    latency > 0 ? `steps in a row ${microseconds(latency)}` : `barriers ${microseconds(barriers)}`,
  ];
  return `about ${microseconds(total)}: ${parts.join(", ")}`;
}
