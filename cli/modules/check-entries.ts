import { CompileError } from "../../compiler/diagnostics/diagnostic.ts";
import { nowhere } from "../../compiler/diagnostics/span.ts";
import type { EntryName } from "../../runtime/plan.ts";

/** What only a module that trains has methods for. */
const ofTraining: readonly EntryName[] = ["train", "update", "estimate"];

/**
 * Checks that a module would have methods for every entry that it is asked to have: a module trains with `train` and `update`, and
 * otherwise only infers. Errors: C0301, as `CompileError`.
 */
export function checkEntries(entries: readonly EntryName[] | undefined): void {
  const missing = (["train", "update"] as const).filter((name) => entries?.includes(name) === false);
  const idle = entries?.filter((name) => ofTraining.includes(name)) ?? [];
  if (missing.length === 0 || idle.length === 0) return;
  const quoted = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(" and ");
  throw new CompileError([
    {
      ...{ code: "C0301", severity: "error", span: nowhere },
      message: `a module without ${quoted(missing)} only infers, and has no use for ${quoted(idle)}`,
      help: `add ${quoted(missing)} to the entries, or leave out ${quoted(idle)}`,
    },
  ]);
}
