/** What a campaign found, for people and as data. */
import { type Campaign, failuresOf } from "./campaign.ts";
import { outcomes } from "./fuzzer.ts";

/** A table with a row for each fuzzer and one for all, then each kind of failure with the command that repeats it. */
export function report(found: Campaign, command: (fuzzer: string, seed: number) => string): string {
  const columns = ["tried", ...outcomes] as const;
  const all = columns.map((column) => found.tallies.reduce((sum, tally) => sum + tally[column], 0));
  const rows = [
    ["fuzzer", ...columns],
    ...found.tallies.map((tally) => [tally.fuzzer, ...columns.map((column) => `${tally[column]}`)]),
    ["all", ...all.map(String)],
  ];
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const table = rows.map((row) =>
    row.map((word, at) => (at === 0 ? word.padEnd(widths[at]) : word.padStart(widths[at]))).join("  "),
  );
  const kinds = [...found.kinds]
    .sort((a, b) => b.count - a.count)
    .flatMap(({ fuzzer, outcome, why, seed, count, folder }) => [
      "",
      `${outcome}, ${count} times: ${why}`,
      `  repeat: ${command(fuzzer, seed)}${folder === undefined ? "" : `; kept in ${folder}`}`,
    ]);
  return [...table, ...kinds].join("\n");
}

/** The same as JSON. */
export function reportData(found: Campaign): string {
  const { seed, tallies, kinds } = found;
  return `${JSON.stringify({ seed, failures: failuresOf(found), fuzzers: tallies, kinds }, null, 2)}\n`;
}

/** One line while it runs. */
export function progressLine({ tallies }: Campaign): string {
  const part = ({ fuzzer, tried, crashed, hung, wrong }: Campaign["tallies"][number]): string => {
    const failed = crashed + hung + wrong;
    return `${fuzzer} ${tried}${failed > 0 ? ` (${failed} failed)` : ""}`;
  };
  return tallies.map(part).join(", ");
}
