/** What an import of a cell asks for: a file, and a query that chooses and changes its entry. */
import { CompileError, type Diagnostic } from "../../compiler/diagnostics/diagnostic.ts";
import { didYouMean } from "../../compiler/diagnostics/nearest.ts";
import { nowhere } from "../../compiler/diagnostics/span.ts";
import { entryNames } from "../../compiler/options.ts";
import type { EntryName } from "../../runtime/plan.ts";
import { type TargetName, targetNames } from "../targets.ts";

/** The ids of modules that are cells. */
export const cellId: RegExp = /\.cell(?:\?|$)/;

/** Queries that ask the bundler for the text or the address of the file. */
const otherUses: readonly string[] = ["raw", "url", "inline"];

export interface CellRequest {
  readonly file: string;
  /** Whether it has a query of its own. */
  readonly hasQuery: boolean;
  readonly entry?: string;
  readonly place?: string;
  readonly batch?: number;
  readonly time?: number;
  readonly entries?: readonly EntryName[];
  readonly kernels?: readonly TargetName[];
  readonly dims: Readonly<Record<string, number>>;
}

/**
 * Reads `./lstm.cell?entry=lstm&H=200`: `entry`, `place`, `batch`, `time`, `entries` and `kernels`; any other name is a dimension.
 * Undefined if the import is about the file itself, such as `?raw`. Throws `CompileError` (C0301) for a value that cannot be.
 */
export function readRequest(id: string): CellRequest | undefined {
  // Other plugins' own modules begin so.
  if (id.startsWith("\0")) return undefined;
  const at = id.indexOf("?");
  if (at < 0) return { file: id, hasQuery: false, dims: {} };
  const query = [...new URLSearchParams(id.slice(at + 1))];
  if (query.some(([name]) => otherUses.includes(name))) return undefined;
  const request: { -readonly [K in keyof CellRequest]: CellRequest[K] } = {
    file: id.slice(0, at),
    hasQuery: query.length > 0,
    dims: {},
  };
  const dims = new Map<string, number>();
  for (const [name, value] of query) {
    switch (name) {
      case "entry":
      case "place":
        request[name] = value;
        break;
      case "batch":
      case "time":
        request[name] = count(name, value);
        break;
      case "entries":
        request.entries = words(name, value, entryNames);
        break;
      case "kernels":
        request.kernels = words(name, value, targetNames);
        break;
      default:
        dims.set(name, count(name, value));
    }
  }
  return { ...request, dims: Object.fromEntries(dims) };
}

function count(name: string, value: string): number {
  const number = Number(value);
  if (/^\d+$/.test(value) && Number.isSafeInteger(number) && number > 0) return number;
  throw wrong(`\`${name}\` is a whole number above 0 in a query, not "${value}"`, "as in ./lstm.cell?H=200");
}

function words<Word extends string>(name: string, value: string, known: readonly Word[]): readonly Word[] {
  return value.split(",").map((word) => {
    const found = known.find((candidate) => candidate === word);
    if (found !== undefined) return found;
    throw wrong(`\`${name}\` is a list of ${known.join(", ")} in a query, not "${value}"`, didYouMean(word, known));
  });
}

function wrong(message: string, help: string | undefined): CompileError {
  const problem: Diagnostic = { code: "C0301", severity: "error", message, span: nowhere, help };
  return new CompileError([problem]);
}
