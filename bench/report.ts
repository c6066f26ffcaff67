/** Results as tables for people. */
import { type Cold, coldGoals } from "./cold.ts";
import { type Comparison, judged } from "./comparisons.ts";
import type { Counts } from "./counts.ts";
import { type MachineFacts, ms, table } from "./measure.ts";
import { peakTable } from "./peak.ts";
import { labelOf, type Row, type SideBySide } from "./side-by-side.ts";
import { type Size, sizeGoals } from "./size.ts";
import type { Moved } from "./traffic.ts";
import type { Workload } from "./workloads.ts";

/** The result of `npm run bench`, as in its JSON file. */
export interface Result {
  readonly date: string;
  readonly machine: MachineFacts;
  /** The load average over the minute before the start. Above 0, other processes were running. */
  readonly load: number;
  /** Environment variables of linear algebra libraries that were withheld from PyTorch. */
  readonly withheld: readonly string[];
  readonly workloads: readonly Workload[];
  readonly sideBySide: SideBySide;
  readonly comparisons: readonly Comparison[];
  readonly counts: readonly Counts[];
  readonly cold: readonly Cold[];
  readonly sizes: readonly Size[];
}

/** A load average of half a processor. */
const BUSY = 0.5;

/** The report: a table for each question, without empty ones. */
export function report(result: Result): string {
  const { machine: m, load, sideBySide, workloads, comparisons, counts, cold, sizes } = result;
  const head = [
    `${m.cpu}, ${m.cores} cores, ${m.memoryGiB} GiB, ${m.platform}, Node ${m.node}; load ${load.toFixed(2)}`,
    ...(load > BUSY ? ["the machine was not idle when it began: these times say little"] : []),
    `SIMD: ${m.simd.join(" ") || "unknown"}`,
    ...Object.entries(sideBySide.facts).map(([name, facts]) => `${name}: ${factsText(facts)}`),
    ...(result.withheld.length > 0 ? [`kept from PyTorch: ${result.withheld.join(", ")}`] : []),
  ].join("\n");
  const sections = [
    head,
    ...workloads.map((workload) => workloadSection(workload, sideBySide.rows)),
    section("ratios of medians, each side at its best number of threads", comparisons.length, () =>
      comparisonTable(comparisons),
    ),
    ...Object.entries(sideBySide.peaks).map(([name, peaks]) =>
      section(`${name}: what this machine does at most, in turn with the contenders`, peaks.length, () =>
        peakTable(peaks),
      ),
    ),
    section("counted from plans and kernels: a training step", counts.length, () => countTable(counts)),
    section("first compilation in a fresh process, ms", cold.length, () => coldTable(cold)),
    section("what a page loads, bytes after gzip", sizes.length, () => sizeTable(sizes)),
  ];
  return `${sections.filter((text) => text !== "").join("\n\n")}\n`;
}

const section = (title: string, entries: number, body: () => string): string =>
  entries === 0 ? "" : `${title}\n\n${body()}`;

const factsText = (facts: Readonly<Record<string, string>>): string =>
  Object.entries(facts)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ") || "from this tree";

function workloadSection(workload: Workload, all: readonly Row[]): string {
  const { name, about, B, H, T, D } = workload;
  const rows = all.filter((row) => row.workload === name);
  const fastest = new Map<string, number>();
  for (const { contender, cell, times } of rows) {
    if (!contender.startsWith("cellc") || !times) continue;
    fastest.set(cell, Math.min(fastest.get(cell) ?? Number.POSITIVE_INFINITY, times.median));
  }
  const lines = rows.map(({ contender, threads, use, cell, form, times, stepMicroseconds, difference, error }) => {
    const label = labelOf({ name: contender, threads, use });
    const own = fastest.get(cell);
    const figures = times && !error ? figuresOf(times, stepMicroseconds!, own, difference!) : Array(7).fill("");
    return [label, cell, form, ...figures];
  });
  const failed = [
    ...new Set(rows.flatMap((row) => (row.error ? [`${labelOf({ ...row, name: row.contender })}: ${row.error}`] : []))),
  ];
  const notes = [...new Set(rows.flatMap((row) => (row.note ? [`${row.contender}, ${row.form}: ${row.note}`] : [])))];
  const head = ["contender", "cell", "form", "median ms", "min", "max", "runs", "µs a step", "÷ cellc", "differs by"];
  return section(`${name}: ${about}; B=${B} H=${H} T=${T} D=${D}`, rows.length, () =>
    [table(head, lines), ...failed.map((line) => `  no figures: ${line}`), ...notes.map((line) => `  ${line}`)].join(
      "\n",
    ),
  );
}

function figuresOf(
  { median, min, max, runs }: NonNullable<Row["times"]>,
  step: number,
  own: number | undefined,
  difference: number,
): readonly string[] {
  const ratio = own === undefined ? "" : (median / own).toFixed(2);
  return [
    ms(median),
    ms(min),
    ms(max),
    String(runs),
    ms(step),
    ratio,
    difference === 0 ? "–" : difference.toExponential(0),
  ];
}

function comparisonTable(comparisons: readonly Comparison[]): string {
  return table(
    ["ratio", "workload", "measured", "wanted", ""],
    comparisons.map(({ name, workload, ratio, wanted, reached, remark }) => [
      ...[name, workload, ratio.toFixed(2)],
      ...(remark === undefined ? verdict({ wanted, reached }) : ["", remark]),
    ]),
  );
}

function countTable(counts: readonly Counts[]): string {
  const kib = (bytes: number): string => (bytes / 1024).toFixed(0);
  const moved = ({ moved, least }: Moved): readonly string[] => [
    kib(moved),
    least === 0 ? "" : (moved / least).toFixed(2),
  ];
  const head = ["cell", "target", "dispatches forward", "backward", "outside"];
  const bytes = ["forward KiB", "÷ least", "backward KiB", "÷ least", "outside KiB", "÷ least", "memory MiB"];
  const uncounted = counts.flatMap(({ cell, workload, target, traffic: t }) =>
    "error" in t ? [`\n  no bytes: ${cell}-${workload}, ${target}: ${t.error}`] : [],
  );
  const counted = table(
    [...head, ...bytes],
    counts.map(({ cell, workload, target, dispatches: d, traffic: t, memory }) => [
      `${cell}-${workload}`,
      target,
      ...[d.forward, d.backward, d.outside].map(String),
      ...("error" in t ? Array(6).fill("") : [t.forward, t.backward, t.outside].flatMap(moved)),
      (memory / 2 ** 20).toFixed(1),
    ]),
  );
  return counted + uncounted.join("");
}

/** `≤ 60`, and whether it is reached; two empty cells if nothing is wanted. */
const verdict = ({ wanted = "", reached }: Pick<Comparison, "wanted" | "reached">): readonly string[] => [
  wanted,
  reached === undefined ? "" : reached ? "reached" : "not reached",
];

function coldTable(cold: readonly Cold[]): string {
  return table(
    ["longest sequence", "imports", "wanted", "", "compilation", "min", "max", "wanted", ""],
    cold.map(({ time, imports, compile }) => [
      ...[String(time), ms(imports.median), ...verdict(judged(imports.median, coldGoals.imports))],
      ...[compile.median, compile.min, compile.max].map(ms),
      ...verdict(judged(compile.median, coldGoals.compile)),
    ]),
  );
}

function sizeTable(sizes: readonly Size[]): string {
  return table(
    ["bnlstm", "to do", "runtime", "plan and kernels", "together", "wanted", ""],
    sizes.map(({ target, use, ...bytes }) => [
      ...[target, use],
      ...[bytes.runtime, bytes.cell, bytes.total].map((n) => n.toLocaleString("en")),
      ...verdict(judged(bytes.total, (use === "training" && sizeGoals[target]) || {})),
    ]),
  );
}
