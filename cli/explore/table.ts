/** The ranking as a table of text, for the terminal and for the page. */
import { bytesText, formatCount } from "../output.ts";
import { type MeanAndDeviation, type Ranking, remarks } from "./ranking.ts";

export interface RankingTable {
  readonly columns: readonly { readonly title: string; readonly numeric: boolean }[];
  /** A row for each placement, best first. */
  readonly rows: readonly (readonly string[])[];
}

/** Shown for what was not measured, and for a site that a placement does not change. */
const NOTHING = "–";

export function rankingTable({ standings }: Ranking): RankingTable {
  const sites = [...new Set(standings.flatMap(({ placement }) => Object.keys(placement)))];
  const names = new Set(standings.flatMap(({ measures }) => Object.keys(measures)));
  // The loss comes last.
  const measures = [...names].sort((a, b) => Number(a === "loss") - Number(b === "loss"));
  const words = (title: string) => ({ title, numeric: false });
  const number = (title: string) => ({ title, numeric: true });
  return {
    columns: [
      number("#"),
      ...sites.map(words),
      ...[...measures, "ms a step", "dispatches", "memory", "parameters"].map(number),
      words(""),
    ],
    rows: standings.map((standing) => {
      const { rank, placement, cost } = standing;
      return [
        rank === undefined ? NOTHING : String(rank),
        ...sites.map((site) => placement[site] ?? NOTHING),
        ...measures.map((name) => measureText(name, standing.measures[name])),
        cost ? cost.milliseconds.toPrecision(3) : NOTHING,
        cost ? formatCount(cost.dispatches) : NOTHING,
        cost ? bytesText(cost.bytes) : NOTHING,
        cost ? formatCount(cost.parameters) : NOTHING,
        remarks(standing),
      ];
    }),
  };
}

/** `93.1 ± 0.4 %`, `0.2134`, or a dash. */
export function measureText(name: string, spread: MeanAndDeviation | undefined): string {
  if (spread === undefined) return NOTHING;
  const { mean, deviation } = spread;
  const [factor, digits, unit] = name === "accuracy" ? [100, 1, " %"] : [1, 4, ""];
  const text = (value: number): string => (factor * value).toFixed(digits);
  return `${text(mean)}${deviation === undefined ? "" : ` ± ${text(deviation)}`}${unit}`;
}
