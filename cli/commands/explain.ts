/** `cellc explain [CODE]`: prints an entry of the message catalogue, or the list of all. */
import { catalogue, isCode } from "../../compiler/diagnostics/catalogue.ts";
import { explain as explanation } from "../../compiler/diagnostics/explain.ts";
import type { Context } from "../context.ts";
import { type ExitCode, exit } from "../failure.ts";

export async function explain({ output }: Context, code: string | undefined): Promise<ExitCode> {
  if (code === undefined) {
    output.table(
      ["code", "meaning"],
      Object.entries(catalogue).map(([code, { title }]) => [code, title]),
    );
    output.result(Object.entries(catalogue).map(([code, message]) => ({ code, ...message })));
    return exit.ok;
  }
  const wanted = code.trim().toUpperCase();
  if (!isCode(wanted)) {
    output.warn(explanation(code).trimEnd());
    output.result({ ok: false, error: { code: "C0301", message: explanation(code).trimEnd() } });
    return exit.usage;
  }
  output.print(explanation(wanted));
  output.result({ code: wanted, ...catalogue[wanted] });
  return exit.ok;
}
