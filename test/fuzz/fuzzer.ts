/**
 * A fuzzer makes cases, each from a seed alone, and running a case returns a verdict:
 *
 * | outcome    |                                                                                                      |
 * | ---------- | ---------------------------------------------------------------------------------------------------- |
 * | `accepted` | it worked, and every number that could be checked is right                                           |
 * | `refused`  | with an error that the documents promise: a code of the catalogue, or exit code 1, 2, 3, 4 or 130    |
 * | `crashed`  | anything else was thrown, the command line ended with 70, or the process died                        |
 * | `wrong`    | numbers differ where they must not, or a refused call changed something                              |
 * | `hung`     | no answer within the fuzzer's time; only who watches from outside can say so                         |
 */
import type { Random } from "./random.ts";

export type Verdict =
  | { readonly outcome: "accepted" }
  /** `by`: the code. */
  | { readonly outcome: "refused"; readonly by: string }
  | { readonly outcome: "crashed" | "wrong"; readonly why: string };

export const outcomes = ["accepted", "refused", "crashed", "hung", "wrong"] as const;
export type Outcome = (typeof outcomes)[number];

export interface Case {
  /** What is tried, for people: texts and bytes by file name. */
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  attempt(): Verdict | Promise<Verdict>;
  /** Smaller cases, the smallest first. A fuzzer whose cases are small anyway leaves it out. */
  smaller?(): Iterable<Case>;
}

export interface Fuzzer {
  readonly name: string;
  /** What it tries, in a few words. */
  readonly tries: string;
  /** How long a case may take on a machine that is busy with other things, too. */
  readonly seconds: number;
  make(random: Random): Case | Promise<Case>;
}

export const accepted: Verdict = { outcome: "accepted" };
export const wrong = (why: string): Verdict => ({ outcome: "wrong", why });
