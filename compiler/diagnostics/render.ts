/** Diagnostics as text for a terminal. */
import { createColors } from "./colors.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { type ExcerptLine, excerpt } from "./excerpt.ts";
import { isOmissionNote } from "./limit.ts";
import { linesOf } from "./position.ts";
import { printableLine } from "./printable.ts";
import type { Span } from "./span.ts";

export interface RenderOptions {
  readonly color: boolean;
}

/**
 * One diagnostic: its code and message, the place with an excerpt and carets, and what to do.
 *
 *     error[C0201]: unknown name `Whh`
 *       ┌─ lstm.cell:12:18
 *       │
 *     12│   site hh = h @ Whh
 *       │                 ^^^ not declared
 *       = help: did you mean `Wh`?
 *
 * `sources` holds the texts by file name; without a text, only the file is named. There is no line end at the end. Characters
 * that a terminal would obey, or not show, are shown as their codes.
 */
export function render(d: Diagnostic, sources: ReadonlyMap<string, string>, options: RenderOptions): string {
  const colors = createColors(options.color);
  const tint = d.severity === "error" ? colors.red : colors.yellow;
  const places = [
    { span: d.span, label: d.label ?? "", mark: "^" as const, tint },
    ...(d.notes ?? []).map((n) => ({ span: n.span, label: n.message, mark: "-" as const, tint: colors.blue })),
  ].map((place) => ({ ...place, ...locate(place.span, place.label, place.mark, sources) }));

  const numbers = places.flatMap((p) => p.lines.map((l) => l.number ?? 0));
  const gutter = String(Math.max(...numbers, 0)).length;
  const margin = " ".repeat(gutter);
  const dim = colors.cyan;

  const out = [`${colors.bold(tint(`${d.severity}[${d.code}]`))}${colors.bold(`: ${printableLine(d.message)}`)}`];
  for (const place of places) {
    if (place.where !== "") out.push(`${margin}${dim("┌─")} ${place.where}`);
    else if (place.label !== "") out.push(`${margin}${dim("=")} note: ${printableLine(place.label)}`);
    if (place.lines.length > 0) out.push(`${margin}${dim("│")}`);
    for (const line of place.lines) {
      const number = line.number === undefined ? margin : dim(String(line.number).padStart(gutter));
      out.push(`${number}${dim("│")} ${paint(line, place.tint)}`.trimEnd());
    }
  }
  if (d.help !== undefined) out.push(`${margin}${dim("=")} ${colors.bold("help")}: ${printableLine(d.help)}`);
  return out.join("\n");
}

/** All diagnostics, by file and place, separated by blank lines, and a last line that counts them. Empty if there are none. */
export function renderAll(
  diagnostics: readonly Diagnostic[],
  sources: ReadonlyMap<string, string>,
  options: RenderOptions,
): string {
  if (diagnostics.length === 0) return "";
  const [said, more] = [diagnostics.filter((d) => !isOmissionNote(d)), diagnostics.filter(isOmissionNote)];
  const sorted = [...[...said].sort(byPlace), ...more].map((d) => render(d, sources, options));
  const count = (severity: Diagnostic["severity"]): string[] => {
    const n = said.filter((d) => d.severity === severity).length;
    return n === 0 ? [] : [`${n} ${severity}${n === 1 ? "" : "s"}${more.length > 0 ? " shown" : ""}`];
  };
  return `${[...sorted, [...count("error"), ...count("warning")].join(", ")].join("\n\n")}\n`;
}

/** The texts that diagnostics are about, by file name, as far as `read` has them. */
export function sourcesOf(
  diagnostics: readonly Diagnostic[],
  read: (file: string) => string | undefined,
): ReadonlyMap<string, string> {
  const places = diagnostics.flatMap(({ span, notes }) => [span, ...(notes ?? []).map((note) => note.span)]);
  const files = new Set(places.map(({ file }) => file));
  return new Map(
    [...files].flatMap((file) => {
      const text = read(file);
      return text === undefined ? [] : [[file, text]];
    }),
  );
}

/** Orders diagnostics by file, then by where they begin. */
export function byPlace(a: Diagnostic, b: Diagnostic): number {
  if (a.span.file !== b.span.file) return a.span.file < b.span.file ? -1 : 1;
  return a.span.start - b.span.start || a.span.end - b.span.end;
}

function locate(
  span: Span,
  label: string,
  mark: "^" | "-",
  sources: ReadonlyMap<string, string>,
): { where: string; lines: readonly ExcerptLine[] } {
  const text = sources.get(span.file);
  const file = printableLine(span.file);
  if (span.file === "" || text === undefined) return { where: file, lines: [] };
  const lines = linesOf(text);
  const { line, column } = lines.at(span.start);
  return {
    where: `${file}:${line}:${column}`,
    lines: excerpt(lines, span.start, span.end, printableLine(label), mark),
  };
}

function paint(line: ExcerptLine, tint: (text: string) => string): string {
  if (line.marked === undefined) return line.text;
  const [from, to] = line.marked;
  return line.text.slice(0, from) + tint(line.text.slice(from, to));
}
