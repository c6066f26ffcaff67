/** The schedule as a person reads it: every entry's kernels in order, who owns what, and how often each runs. */
import type { Command, EntryName, Extent } from "../../runtime/plan.ts";
import type { Machine } from "./kernel-ir.ts";
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
      const { kernel, group } = kernels.get(command.kernel)!;
      const grid =
        command.grid
          .map(showExtent)
          .filter((e) => e !== "1")
          .join(" × ") || "1";
      lines.push(
        `${indent}${kernel.name}: owner ${group.owners[0]}, ${grid} workgroup${grid === "1" ? "" : "s"}, ${group.ops.length} ops`,
      );
    };
    for (const command of scheduled.commands) show(command, "  ");
  }
  return `${lines.join("\n")}\n`;
}
