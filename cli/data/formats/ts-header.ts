/** The header of a `.ts` file of time series: lines that begin with `#` (comments) or `@`, up to `@data`. */
import type { Failure } from "../../failure.ts";

export interface TsHeader {
  /** Channels of every series; undefined: as many as the first has. */
  readonly channels: number | undefined;
  /** Whether all series, and all their channels, have the same length; undefined: nothing is said. */
  readonly equalLength: boolean | undefined;
  readonly length: number | undefined;
  /** What a series ends with: a class (one of `classes`, if there are any), a number, or nothing. */
  readonly target: "class" | "number" | "none";
  readonly classes: readonly string[];
}

type Refuse = (line: number, reason: string, help?: string) => Failure;

/** Reads a header line by line. */
export class TsHeaderReader {
  readonly #refuse: Refuse;
  readonly #seen = new Map<string, readonly string[]>();
  /** Whether anything of a header was seen. */
  #begun = false;

  constructor(refuse: Refuse) {
    this.#refuse = refuse;
  }

  /** Returns the header at its last line, which is `@data`; before that, undefined. Throws what `refuse` returns. */
  read(line: number, text: string): TsHeader | undefined {
    const trimmed = text.trim();
    if (trimmed === "") return undefined;
    if (trimmed.startsWith("#")) {
      this.#begun = true;
      return undefined;
    }
    if (!trimmed.startsWith("@"))
      throw this.#begun
        ? this.#refuse(line, "want @data, or another line of the header that begins with @")
        : this.#refuse(
            line,
            "it is no file of time series",
            "a .ts file of time series begins with # or @; this may be TypeScript",
          );
    this.#begun = true;
    const [tag, ...values] = trimmed.slice(1).split(/\s+/);
    const key = ALIASES[tag.toLowerCase()] ?? tag.toLowerCase();
    if (key === "data") return this.#finish(line);
    if (!KNOWN.has(key))
      throw this.#refuse(line, `@${tag} is not known`, `known are ${[...KNOWN].map((name) => `@${name}`).join(" ")}`);
    if (this.#seen.has(key)) throw this.#refuse(line, `@${tag} comes twice`);
    this.#seen.set(key, values);
    if (BOOLEANS.has(key)) this.#truth(line, key);
    if (key === "timestamps" && this.#truth(line, key))
      throw this.#refuse(
        line,
        "values with time stamps are not read",
        "write the values alone, or a CSV file with a column of times",
      );
    return undefined;
  }

  #finish(line: number): TsHeader {
    const target = this.#truth(line, "classlabel") ? "class" : this.#truth(line, "targetlabel") ? "number" : "none";
    const univariate = this.#truth(line, "univariate");
    const dimensions = this.#count(line, "dimensions");
    if (univariate === true && dimensions !== undefined && dimensions !== 1)
      throw this.#refuse(line, `@univariate is true, and @dimensions is ${dimensions}`);
    return {
      channels: dimensions ?? (univariate ? 1 : undefined),
      equalLength: this.#truth(line, "equallength"),
      length: this.#truth(line, "equallength") === false ? undefined : this.#count(line, "serieslength"),
      target,
      classes: target === "class" ? (this.#seen.get("classlabel")?.slice(1) ?? []) : [],
    };
  }

  #truth(line: number, key: string): boolean | undefined {
    const value = this.#seen.get(key)?.[0]?.toLowerCase();
    if (!this.#seen.has(key)) return undefined;
    if (value === "true" || value === "false") return value === "true";
    throw this.#refuse(line, `@${key} is ${value ?? "nothing"}, want true or false`);
  }

  #count(line: number, key: string): number | undefined {
    const values = this.#seen.get(key);
    if (values === undefined) return undefined;
    const count = Number(values[0]);
    // Some files say 0 where it is not the same for all.
    if (key === "serieslength" && count === 0) return undefined;
    if (values.length === 1 && Number.isSafeInteger(count) && count >= 1) return count;
    throw this.#refuse(line, `@${key} is ${values.join(" ") || "nothing"}, want a whole number`);
  }
}

const ALIASES: Readonly<Record<string, string>> = { dimension: "dimensions" };
const BOOLEANS: ReadonlySet<string> = new Set([
  "timestamps",
  "missing",
  "univariate",
  "equallength",
  "classlabel",
  "targetlabel",
]);
const KNOWN: ReadonlySet<string> = new Set([...BOOLEANS, "problemname", "dimensions", "serieslength"]);
