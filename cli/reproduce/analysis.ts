/** An analysis: what the paper measures besides results, by the commands that anybody has for it. */

import type { Column } from "../report/page/page-data.ts";
import type { TargetName } from "../targets.ts";
import type { Finding } from "./claims.ts";
import type { LineContext } from "./command-line.ts";
import type { RunResult } from "./results.ts";
import type { ScaleName } from "./study.ts";

export interface AnalysisRequest {
  readonly context: LineContext;
  readonly scale: ScaleName;
  /** Where its files go. */
  readonly out: string;
  /** The folder of the study whose models it measures. */
  readonly of: string | undefined;
  /** The finished runs in that folder. */
  readonly runs: readonly RunResult[];
  readonly where: Where;
  /** Of each model that it trains. Default: the scale's. */
  readonly seeds?: number;
  /** Whether it goes on where it was interrupted. */
  readonly resume: boolean;
}

/** Where an analysis runs, and where the data is, as `--data` of the commands that it is made of. */
interface Where {
  readonly target: TargetName;
  readonly threads: number | undefined;
  readonly data: string | undefined;
}

/** As options of a command that runs a model on data. */
export const whereWords = ({ target, threads, data }: Where): readonly string[] => [
  ...["--target", target],
  ...(threads === undefined ? [] : ["--threads", String(threads)]),
  ...(data === undefined ? [] : ["--data", data]),
];

export interface AnalysisResult {
  /** What was measured, for the record. */
  readonly measured: Readonly<Record<string, unknown>>;
  readonly columns: readonly Column[];
  readonly findings: readonly Finding[];
  /** Pages and pictures that it wrote. */
  readonly files: readonly string[];
}

export interface Analysis {
  readonly title: string;
  readonly section: string;
  /** The study whose models it measures. */
  readonly of?: string;
  /** Whether it trains models of its own, from so many seeds as `--seeds` says. */
  readonly trains?: boolean;
  /** What each scale is. */
  readonly scales: Readonly<Record<ScaleName, string>>;
  /** Undefined if it was interrupted. */
  run(request: AnalysisRequest): Promise<AnalysisResult | undefined>;
}

/** A column of texts, with keys to sort by. */
export const textColumn = (title: string, texts: readonly string[], keys?: readonly number[]): Column => ({
  title,
  numeric: keys !== undefined,
  keys: keys ?? texts,
  texts,
});
