/** What a study or an analysis says in the end. */
import type { Output } from "../output.ts";
import type { Column } from "../report/page/page-data.ts";
import type { Finding } from "./claims.ts";

/** `Holds: bn-lstm is better than …` */
export const findingText = ({ claim, holds }: Finding): string =>
  `${holds === undefined ? "Not known yet" : holds ? "Holds" : "Does not hold"}: ${claim}.`;

/** A row for each text of the columns, and what that says of the claims. */
export function sayResults(output: Output, columns: readonly Column[], findings: readonly Finding[]): void {
  output.say();
  output.table(
    columns.map(({ title }) => title),
    (columns[0]?.texts ?? []).map((_, at) => columns.map(({ texts }) => texts[at])),
  );
  output.say();
  for (const finding of findings) {
    output.say(findingText(finding));
    output.say(`  ${finding.seen}`);
  }
}
