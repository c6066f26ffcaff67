/**
 * The one place that writes output. Text for people goes to stdout. With `--json`, stdout holds exactly one JSON document and the
 * text goes to stderr. Progress, warnings and errors always go to stderr.
 */
import { type Colors, createColors } from "../compiler/diagnostics/colors.ts";
import { Presets, SingleBar } from "./progress-bar.ts";
import { escapeJson, forTerminal } from "./terminal.ts";

/** What Output needs of `process.stdout` and `process.stderr`. */
export interface Sink extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
}

export interface OutputOptions {
  readonly json: boolean;
  /** False with `--no-color`. NO_COLOR and a stream that is not a terminal also switch colours off. */
  readonly color: boolean;
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** A clock in milliseconds, for progress lines. Default: `Date.now`. */
  readonly now?: () => number;
}

export interface Progress {
  /** `done` of the total; `facts` are short words after the bar, such as `loss 0.312`. */
  update(done: number, facts?: string): void;
  /** Prints a line while the bar is shown: hides the bar and shows it again. */
  interject(line: string): void;
  stop(): void;
}

export interface Output {
  readonly json: boolean;
  /** Colours for the stream that `say` writes to, and for stderr. */
  readonly colors: Colors;
  readonly errorColors: Colors;
  say(line?: string): void;
  /** Writes to stderr. */
  warn(text: string): void;
  /** Writes the command's product (source, IR, a kernel) to stdout unchanged. With `--json` it belongs in the document instead. */
  print(text: string): void;
  table(header: readonly string[], rows: readonly (readonly TableCell[])[]): void;
  progress(total: number, unit: string): Progress;
  /** Prints the document of `--json`. Call it once, at the end. Does nothing without `--json`. */
  result(document: unknown): void;
}

export type TableCell = string | number;

/** Seconds between progress lines if there is no terminal. */
const LINE_EVERY = 5;

export function createOutput(options: OutputOptions): Output {
  const words = options.json ? options.stderr : options.stdout;
  const colorsOf = (sink: Sink): Colors => createColors(wantsColor(options, sink));
  const colors = colorsOf(words);
  const say = (line = "") => void words.write(`${forTerminal(line)}\n`);
  let finished = false;
  return {
    json: options.json,
    colors,
    errorColors: colorsOf(options.stderr),
    say,
    warn: (text) => void options.stderr.write(`${forTerminal(text)}\n`),
    print(text) {
      if (options.json) return;
      const shown = options.stdout.isTTY === true ? forTerminal(text) : text;
      options.stdout.write(shown.endsWith("\n") ? shown : `${shown}\n`);
    },
    table(header, rows) {
      for (const line of tableLines(header, rows, colors)) say(line);
    },
    progress: (total, unit) =>
      options.stderr.isTTY === true
        ? barProgress(options.stderr, total, unit)
        : lineProgress(options.stderr, total, unit, options.now ?? Date.now),
    result(document) {
      if (!options.json) return;
      if (finished) throw new Error("a command printed two JSON documents");
      finished = true;
      options.stdout.write(`${escapeJson(JSON.stringify(document, null, 2))}\n`);
    },
  };
}

/** Aligned lines: numbers on the right, words on the left. */
export function tableLines(
  header: readonly string[],
  rows: readonly (readonly TableCell[])[],
  colors?: Colors,
): string[] {
  const texts = rows.map((row) => row.map((cell) => (typeof cell === "number" ? formatCount(cell) : cell)));
  const numeric = header.map((_, c) => rows.length > 0 && rows.every((row) => typeof row[c] === "number"));
  const widths = header.map((title, c) => Math.max(title.length, ...texts.map((row) => (row[c] ?? "").length)));
  const line = (row: readonly string[]) =>
    row
      .map((text, c) => (numeric[c] ? text.padStart(widths[c]) : text.padEnd(widths[c])))
      .join("  ")
      .trimEnd();
  const title = line(header);
  return [colors === undefined ? title : colors.dim(title), ...texts.map(line)];
}

/** 1234567 → 1,234,567; fractions with four significant digits. */
export function formatCount(value: number): string {
  return Number.isInteger(value) ? value.toLocaleString("en-US") : Number(value.toPrecision(4)).toString();
}

/** 1536 → 1.5 KiB. */
export function bytesText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${formatCount(Number((bytes / 1024 ** power).toPrecision(3)))} ${units[power]}`;
}

/** 75 → 1m15s, 3.2 → 3s. */
export function formatSeconds(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m${String(whole % 60).padStart(2, "0")}s`;
  return `${Math.floor(whole / 3600)}h${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")}m`;
}

/** NO_COLOR (https://no-color.org) counts if it is not empty. */
function wantsColor(options: OutputOptions, sink: Sink): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = options.environment;
  if (!options.color || (NO_COLOR !== undefined && NO_COLOR !== "")) return false;
  if (FORCE_COLOR !== undefined && FORCE_COLOR !== "" && FORCE_COLOR !== "0") return true;
  return sink.isTTY === true && TERM !== "dumb";
}

function barProgress(stream: Sink, total: number, unit: string): Progress {
  const bar = new SingleBar(
    {
      stream,
      format: `{bar} {percentage}%  {value}/{total} ${unit}  {rate}/s  {left} left  {facts}`,
      hideCursor: true,
      clearOnComplete: true,
      barsize: 24,
      fps: 8,
      emptyOnZero: true,
      // The command handles Ctrl-C itself: it saves before it exits.
      gracefulExit: false,
    },
    Presets.shades_classic,
  );
  const pace = createPace(Date.now);
  let value = 0;
  let facts = "";
  const show = () => ({ facts, ...paceWords(pace.rate(value), total - value) });
  bar.start(total, 0, show());
  return {
    update(done, newFacts) {
      value = done;
      facts = newFacts ?? facts;
      bar.update(value, show());
    },
    interject(line) {
      bar.stop();
      stream.write(`${forTerminal(line)}\n`);
      bar.start(total, value, show());
    },
    stop: () => bar.stop(),
  };
}

function lineProgress(stream: Sink, total: number, unit: string, now: () => number): Progress {
  const pace = createPace(now);
  let last = now();
  return {
    update(done, facts) {
      if (now() - last < LINE_EVERY * 1000 && done < total) return;
      last = now();
      const { rate, left } = paceWords(pace.rate(done), total - done);
      const percent = total === 0 ? 100 : Math.floor((100 * done) / total);
      const tail = facts === undefined || facts === "" ? "" : `  ${facts}`;
      stream.write(`${percent}%  ${done}/${total} ${unit}  ${rate}/s  ${left} left${tail}\n`);
    },
    interject: (line) => void stream.write(`${forTerminal(line)}\n`),
    stop: () => {},
  };
}

/** Units per second since the start. */
function createPace(now: () => number): { rate(done: number): number } {
  const start = now();
  return { rate: (done) => (done * 1000) / Math.max(1, now() - start) };
}

function paceWords(rate: number, remaining: number): { rate: string; left: string } {
  if (rate <= 0) return { rate: "–", left: "–" };
  return { rate: rate >= 10 ? rate.toFixed(0) : rate.toPrecision(2), left: formatSeconds(remaining / rate) };
}
