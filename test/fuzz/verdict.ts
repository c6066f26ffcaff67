/** What a thrown thing or an ended command means: a refusal as documented, or a crash. */
import { Failure } from "../../cli/failure.ts";
import { catalogue } from "../../compiler/diagnostics/catalogue.ts";
import { CompileError } from "../../compiler/diagnostics/diagnostic.ts";
import { RuntimeError } from "../../runtime/error.ts";
import type { Ended } from "../cli/run-cellc.ts";
import { accepted, type Verdict } from "./fuzzer.ts";

/** The code of an error that the documents promise; undefined for any other. */
export function codeOf(thrown: unknown): string | undefined {
  if (thrown instanceof CompileError) return thrown.diagnostics.find(({ severity }) => severity === "error")?.code;
  if (thrown instanceof RuntimeError || thrown instanceof Failure) return thrown.code;
  return undefined;
}

export function verdictOf(thrown: unknown): Verdict {
  const code = codeOf(thrown);
  if (code !== undefined && Object.hasOwn(catalogue, code)) return { outcome: "refused", by: code };
  const words = described(thrown);
  return { outcome: "crashed", why: code === undefined ? words : `the catalogue has no ${code}\n${words}` };
}

/** What `act` comes to; an error that is thrown is judged. */
export async function verdict(act: () => Verdict | Promise<Verdict>): Promise<Verdict> {
  try {
    return await act();
  } catch (thrown) {
    return verdictOf(thrown);
  }
}

/** Exit codes by which a command refuses: input, usage, machine, diverged, interrupted. */
const REFUSALS: ReadonlySet<number | null> = new Set([1, 2, 3, 4, 130]);

/** Of a command that ended: 0 is accepted; a refusal names a code of the catalogue on stderr. */
export function verdictOfCommand({ code, stderr }: Pick<Ended, "code" | "stderr">): Verdict {
  if (code === 0) return accepted;
  const said = /error\[([CW]\d{4})\]/.exec(stderr)?.[1];
  if (REFUSALS.has(code) && said !== undefined && Object.hasOwn(catalogue, said))
    return { outcome: "refused", by: said };
  return { outcome: "crashed", why: `exit code ${code}: ${firstLines(stderr.replace(INTERNAL, ""))}` };
}

/** The start of an internal error's message. */
const INTERNAL = /^[\s\S]*internal error: this is a fault of cellc, not of your input\n/;

/** An error's message, and where in the project it was thrown. */
export function described(thrown: unknown): string {
  if (!(thrown instanceof Error)) return `threw ${typeof thrown}: ${String(thrown)}`;
  const frames = (thrown.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line) && !line.includes("node:"));
  const own = frames.filter((line) => !line.includes("node_modules")).slice(0, 3);
  return [`${thrown.name}: ${firstLines(thrown.message)}`, ...own].join("\n");
}

const firstLines = (text: string): string => text.trim().slice(0, 2000).split("\n").slice(0, 12).join("\n");

/**
 * What two failures have in common if they are of one kind: the words without what varies from case to case, and the function
 * that threw.
 */
export function kindOf(why: string): string {
  const [words, ...frames] = why.split("\n");
  const general = words
    .replace(/`[^`]*`|"[^"]*"|'[^']*'/g, "…")
    .replace(/-?\d+(?:\.\d+)?(?:e[+-]?\d+)?/g, "N")
    .slice(0, 160);
  const thrower = frames.find((line) => /^\s+at /.test(line));
  const [, name = "", file = ""] = /at (?:async )?(?:(\S+) \()?.*?([\w.-]+\.ts):/.exec(thrower ?? "") ?? [];
  return [general, [name, file].filter((part) => part !== "").join(" in ")].filter((part) => part !== "").join(" · ");
}
