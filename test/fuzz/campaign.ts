/** Runs many cases of some fuzzers on a few processes, counts what becomes of them, and keeps what fails. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Case, Fuzzer, Outcome } from "./fuzzer.ts";
import { type Reply, TrialProcess } from "./trials.ts";
import { kindOf } from "./verdict.ts";

export interface CampaignOptions {
  readonly fuzzers: readonly Fuzzer[];
  /** The file that exports them, for the processes. */
  readonly table: string;
  /** The k-th case of a fuzzer has the seed `seed + k`. */
  readonly seed: number;
  /** Cases of each fuzzer at most, or of each by its name. */
  readonly trials?: number | ((fuzzer: string) => number);
  /** Time for all of them together, shared out evenly. Without it and `trials`: one case each. */
  readonly minutes?: number;
  /** Processes at a time. */
  readonly workers: number;
  /** The folder for shrunk failures. Default: keep none. */
  readonly keep?: string;
  /** The command that repeats a case, for the note beside it. */
  readonly command?: (fuzzer: string, seed: number) => string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Called after each case. */
  readonly progress?: (state: Campaign) => void;
  readonly signal?: AbortSignal;
}

export interface Tally extends Record<Outcome, number> {
  readonly fuzzer: string;
  readonly tries: string;
  tried: number;
  /** Of all its cases, one after another. */
  seconds: number;
  /** How many were refused with which code. */
  readonly refusals: Record<string, number>;
}

/** Failures of one kind. */
export interface Kind {
  readonly fuzzer: string;
  readonly outcome: "crashed" | "hung" | "wrong";
  readonly kind: string;
  /** The message of the first of them. */
  readonly why: string;
  /** Of the first. */
  readonly seed: number;
  count: number;
  /** Where the first of them is kept. */
  folder?: string;
}

export interface Campaign {
  readonly seed: number;
  readonly tallies: readonly Tally[];
  readonly kinds: readonly Kind[];
}

/** Time for making a case smaller. */
const SHRINKING_SECONDS = 20;

export async function campaign(options: CampaignOptions): Promise<Campaign> {
  const run = new Running(options);
  await Promise.all(Array.from({ length: options.workers }, () => run.work()));
  return run;
}

export const failuresOf = ({ tallies }: Campaign): number =>
  tallies.reduce((sum, { crashed, hung, wrong }) => sum + crashed + hung + wrong, 0);

/** Who has had least time, and of those that had the same the fewest turns; undefined for none. */
export function leastServed<T>(
  all: readonly T[],
  served: (one: T) => { readonly time: number; readonly turns: number },
): T | undefined {
  const known = all.map((one) => ({ one, ...served(one) }));
  return known.toSorted((a, b) => a.time - b.time || a.turns - b.turns)[0]?.one;
}

class Running implements Campaign {
  readonly seed: number;
  readonly tallies: readonly Tally[];
  readonly #options: CampaignOptions;
  readonly #kinds = new Map<string, Kind>();
  /** Cases begun, and when those that are being tried were, by fuzzer. */
  readonly #begun = new Map<Fuzzer, number>();
  readonly #trying = new Map<Fuzzer, number[]>();
  readonly #deadline: number;

  constructor(options: CampaignOptions) {
    const { fuzzers, seed, minutes } = options;
    this.#options = options;
    this.seed = seed;
    this.tallies = fuzzers.map(({ name, tries }) => ({
      ...{ fuzzer: name, tries, tried: 0, seconds: 0, refusals: {} },
      ...{ accepted: 0, refused: 0, crashed: 0, hung: 0, wrong: 0 },
    }));
    this.#deadline = minutes === undefined ? Number.POSITIVE_INFINITY : performance.now() + 60_000 * minutes;
  }

  get kinds(): readonly Kind[] {
    return [...this.#kinds.values()];
  }

  /** Takes cases, one after another, until there are no more. */
  async work(): Promise<void> {
    const process = new TrialProcess(this.#options.table, this.#options.environment);
    try {
      for (;;) {
        await process.ready();
        const fuzzer = this.#next();
        if (fuzzer === undefined) break;
        await this.#one(fuzzer, process);
      }
    } finally {
      process.close();
    }
  }

  /** The fuzzer that has had least time; undefined when all is done. */
  #next(): Fuzzer | undefined {
    const { fuzzers, minutes, signal } = this.#options;
    const now = performance.now();
    if (now > this.#deadline || signal?.aborted) return undefined;
    const { trials = minutes === undefined ? 1 : Number.POSITIVE_INFINITY } = this.#options;
    const most = ({ name }: Fuzzer): number => (typeof trials === "number" ? trials : trials(name));
    const open = fuzzers.filter((fuzzer) => (this.#begun.get(fuzzer) ?? 0) < most(fuzzer));
    return leastServed(open, (fuzzer) => ({
      time: (this.#trying.get(fuzzer) ?? []).reduce(
        (sum, begun) => sum + now - begun,
        1000 * this.#tally(fuzzer).seconds,
      ),
      turns: this.#begun.get(fuzzer) ?? 0,
    }));
  }

  async #one(fuzzer: Fuzzer, process: TrialProcess): Promise<void> {
    const nth = this.#begun.get(fuzzer) ?? 0;
    const seed = this.seed + nth;
    const begun = performance.now();
    this.#begun.set(fuzzer, nth + 1);
    this.#trying.set(fuzzer, [...(this.#trying.get(fuzzer) ?? []), begun]);
    const reply = await process.order({ do: "try", fuzzer: fuzzer.name, seed }, fuzzer.seconds);
    const kind = this.#count(fuzzer, seed, reply);
    if (kind !== undefined && this.#options.keep !== undefined) await this.#keep(fuzzer, kind, process);
    const trying = this.#trying.get(fuzzer)!;
    trying.splice(trying.indexOf(begun), 1);
    this.#tally(fuzzer).seconds += (performance.now() - begun) / 1000;
    this.#options.progress?.(this);
  }

  #tally({ name }: Fuzzer): Tally {
    return this.tallies.find(({ fuzzer }) => fuzzer === name)!;
  }

  /** Counts a case; its kind, if it is the first failure of one. */
  #count(fuzzer: Fuzzer, seed: number, reply: Reply): Kind | undefined {
    const tally = this.#tally(fuzzer);
    const { outcome, why } = failureIn(reply, fuzzer);
    tally.tried++;
    tally[outcome]++;
    if (outcome === "refused") tally.refusals[why] = (tally.refusals[why] ?? 0) + 1;
    if (outcome === "accepted" || outcome === "refused") return undefined;
    const key = `${fuzzer.name} ${outcome} ${kindOf(why)}`;
    const known = this.#kinds.get(key);
    if (known !== undefined) {
      known.count++;
      return undefined;
    }
    const kind: Kind = { fuzzer: fuzzer.name, outcome, kind: kindOf(why), why, seed, count: 1 };
    this.#kinds.set(key, kind);
    return kind;
  }

  /** Writes the case that failed, made smaller where it can be tried again, and how to repeat it. */
  async #keep(fuzzer: Fuzzer, kind: Kind, process: TrialProcess): Promise<void> {
    const { keep, command } = this.#options;
    const { name } = fuzzer;
    const { seed, outcome, why } = kind;
    const again = outcome !== "hung" && !why.startsWith("the process died,");
    const small = again
      ? await process.order(
          { do: "shrink", fuzzer: name, seed, seconds: SHRINKING_SECONDS },
          SHRINKING_SECONDS + fuzzer.seconds,
        )
      : undefined;
    const found =
      filesIn(small) ?? filesIn(await process.order({ do: "make", fuzzer: name, seed }, fuzzer.seconds)) ?? {};
    kind.folder = join(keep!, `${name}-${seed}`);
    await mkdir(kind.folder, { recursive: true });
    const note = `${outcome}: ${why}\n\n${command?.(name, seed) ?? ""}\n`;
    for (const [file, content] of Object.entries({ ...found, "why.txt": note })) {
      await writeFile(join(kind.folder, file), content);
    }
  }
}

/** What a reply says of its case; `why` is the code of a refusal. */
function failureIn(reply: Reply, { seconds }: Fuzzer): { readonly outcome: Outcome; readonly why: string } {
  if (reply === "late") return { outcome: "hung", why: `no answer in ${seconds} seconds` };
  if ("died" in reply) return { outcome: "crashed", why: `the process died, ${lastWords(reply.died)}` };
  const { verdict } = reply;
  if (verdict === undefined) return { outcome: "crashed", why: "the process gave no verdict" };
  if (verdict.outcome === "refused") return { outcome: "refused", why: verdict.by };
  return { outcome: verdict.outcome, why: "why" in verdict ? verdict.why : "" };
}

/** What ended a process, with the line among its last words that says why in front. */
function lastWords(died: string): string {
  const [ending, ...words] = died.split("\n");
  const reason = words.find((line) => /\b(?:fatal|error)\b/i.test(line) && !/line 0$/.test(line));
  return [`${ending}${reason === undefined ? "" : `: ${reason.replace(/^#\s*/, "")}`}`, ...words].join("\n");
}

const filesIn = (reply: Reply | undefined): Case["files"] | undefined =>
  reply === undefined || reply === "late" || "died" in reply ? undefined : reply.files;
