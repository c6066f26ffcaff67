import type { Plan } from "../../runtime/plan.ts";
import type { Output } from "../output.ts";

/**
 * Says W0603, in one line, where a plan trains on one example at a time and has norms with statistics of each step's
 * batch. Statistics over all steps are of many values even then.
 */
export function warnOfBatchOfOne({ dims, entries }: Plan, { warn, errorColors }: Output): void {
  if (dims.batch !== 1) return;
  const tensors = entries.train?.tensors ?? [];
  const statistics = tensors.flatMap(({ role, time }) => (role.kind === "batch_stat" && time ? [role.of] : []));
  const sites = new Set(statistics.map((name) => name.slice(0, name.lastIndexOf("/"))));
  if (sites.size === 0) return;
  const norms = [...sites].map((site) => `${site.replace("/", ".")}=layer`).join(",");
  const { bold, yellow } = errorColors;
  warn(
    `${bold(yellow("warning[W0603]"))}: ${bold("a batch of one has no variance, so its norms see nothing of the example")}: use batches of 32 or more, or --place ${norms}`,
  );
}
