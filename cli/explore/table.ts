/** The ranking as a table of text, for the terminal and for the page. */
import { bytesText, formatCount } from "../output.ts";
import type { Column } from "../report/page/page-data.ts";
import type { Trivial } from "../training/trivial.ts";
import { differenceText, measureText, NOTHING, valueText } from "./measure-text.ts";
import { type Placement, placementText } from "./placement.ts";
import type { Ranking, Standing } from "./ranking.ts";

export interface RankingTable {
  readonly columns: readonly Column[];
  /** What each row is of, best first. The trivial baseline stands among the placements where its measure puts it. */
  readonly rows: readonly (Standing | Trivial)[];
}

export const isTrivial = (row: Standing | Trivial): row is Trivial => "predicted" in row;

export function rankingTable(ranking: Ranking): RankingTable {
  const { standings, by, seeds } = ranking;
  const rows = withTrivial(ranking);
  const sites = [...new Set(standings.flatMap(({ placement }) => Object.keys(placement)))];
  const tied = standings.filter(({ best }) => best).length > 1;
  const names = new Set(standings.flatMap(({ measures }) => Object.keys(measures)));
  // What it is ranked by comes first, the loss last.
  const order = (name: string): number => (name === by.measure ? 0 : name === "loss" ? 2 : 1);
  const measures = [...names].sort((a, b) => order(a) - order(b));

  const column = (
    title: string,
    numeric: boolean,
    of: (standing: Standing) => readonly [key: number | string | undefined, text: string],
    trivially: (trivial: Trivial) => readonly [key: number | string | undefined, text: string] = () => [undefined, ""],
  ): Column => {
    const cells = rows.map((row) => (isTrivial(row) ? trivially(row) : of(row)));
    return { title, numeric, keys: cells.map(([key]) => key), texts: cells.map(([, text]) => text) };
  };
  const measure = (name: string): Column =>
    column(
      name,
      true,
      (standing) => [standing.measures[name]?.mean, measureText(name, standing.measures[name])],
      (trivial) => [
        trivial.measures[name],
        name in trivial.measures ? valueText(name, trivial.measures[name]) : NOTHING,
      ],
    );
  const [main, ...others] = measures;
  return {
    rows,
    columns: [
      column("#", true, ({ rank, best }) => [
        rank,
        rank === undefined ? NOTHING : `${best && tied ? "= " : ""}${rank}`,
      ]),
      ...sites.map((site) =>
        column(site, false, ({ placement }) => [placement[site] ?? "", placement[site] ?? NOTHING]),
      ),
      ...(main === undefined ? [] : [measure(main)]),
      ...(main !== by.measure || standings.length < 2
        ? []
        : [
            column(`${seeds > 1 ? "[95 %] " : ""}to first`, true, ({ toFirst }) => [
              toFirst?.mean,
              differenceText(by.measure, toFirst),
            ]),
            column(`${seeds > 1 ? "[95 %] " : ""}to no norm`, true, ({ toBaseline }) => [
              toBaseline?.mean,
              differenceText(by.measure, toBaseline),
            ]),
          ]),
      ...others.map(measure),
      column("ms a step", true, ({ cost }) => [cost?.milliseconds, cost ? cost.milliseconds.toPrecision(3) : NOTHING]),
      column("dispatches", true, ({ cost }) => [cost?.dispatches, cost ? formatCount(cost.dispatches) : NOTHING]),
      column("memory", true, ({ cost }) => [cost?.bytes, cost ? bytesText(cost.bytes) : NOTHING]),
      column("parameters", true, ({ cost }) => [cost?.parameters, cost ? formatCount(cost.parameters) : NOTHING]),
      column(
        "remarks",
        false,
        (standing) => {
          const text = remarks(standing, ranking);
          return [text === "" ? undefined : text, text];
        },
        ({ predicted }) => [undefined, `learns nothing, predicts ${predicted[by.measure]}`],
      ),
    ],
  };
}

/** The standings with the trivial baseline before the first that is no better. */
function withTrivial({ standings, trivial, by }: Ranking): readonly (Standing | Trivial)[] {
  const value = trivial?.measures[by.measure];
  if (trivial === undefined || value === undefined) return standings;
  const sign = by.direction === "max" ? 1 : -1;
  const at = standings.findIndex(({ measures }) => {
    const own = measures[by.measure];
    return own === undefined || sign * own.mean <= sign * value;
  });
  return at < 0 ? [...standings, trivial] : [...standings.slice(0, at), trivial, ...standings.slice(at)];
}

/** Remarks on a placement: what it is, why seeds did not finish, what its gradients show, and the codes of warnings. */
export function remarks(standing: Standing, { steps }: Pick<Ranking, "steps">): string {
  const { baseline, reasons, warnings, flags, rows } = standing;
  const codes = new Set(warnings.map((warning) => warning.slice(0, warning.indexOf(":"))));
  const kinds = [...new Set(flags.map(({ kind }) => kind))].map((kind) => {
    const own = flags.filter((flag) => flag.kind === kind);
    const share = rows.length === 1 ? "" : `, ${own.length} of ${rows.length} seeds`;
    return `gradient ${kind} (step ${Math.min(...own.map(({ step }) => step))}${share})`;
  });
  const without = Object.keys(leftOut(standing));
  return [
    ...(baseline ? ["no norms"] : []),
    ...(standing.steps < steps && reasons.length === 0 ? [`${standing.steps} steps only`] : []),
    ...reasons,
    ...kinds,
    ...(without.length > 0 ? [`no shift at ${without.join(", ")}`] : []),
    ...codes,
  ].join("; ");
}

/** The sites whose norm was placed without its shift, with the norm as it was placed. */
export const leftOut = ({ placement, placed }: Pick<Standing, "placement" | "placed">): Placement =>
  Object.fromEntries(Object.entries(placed).filter(([site, norm]) => norm !== placement[site]));

/** What a row of the table is of, as its data is found by. */
export const rowName = (row: Standing | Trivial): string =>
  isTrivial(row) ? "learns nothing" : placementText(row.placement);
