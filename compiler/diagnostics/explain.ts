/** The long form of a message. */
import { catalogue, isCode } from "./catalogue.ts";
import { nearest } from "./nearest.ts";

/** A catalogue entry as text, for `cellc explain C0207`. Codes may be in lower case. For an unknown code, the text says so. */
export function explain(code: string): string {
  const wanted = code.trim().toUpperCase();
  if (!isCode(wanted)) {
    const guess = nearest(wanted, Object.keys(catalogue));
    return `There is no message ${code}.${guess === undefined ? "" : ` Did you mean ${guess}?`}\n`;
  }
  const { title, explanation, example, fix } = catalogue[wanted];
  const indented = (text: string): string => text.replace(/^/gm, "    ");
  return `${wanted}: ${title}\n\n${wrap(explanation, 80)}\n\nFor example\n\n${indented(example)}\n\nInstead\n\n${indented(fix)}\n`;
}

function wrap(text: string, width: number): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].join("\n");
}
