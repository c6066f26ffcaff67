/** The parts of a tutorial that its test runs: files that the reader writes, commands, and what these print. */

/** A fenced block. What follows a command's block at once and is `text` is what the commands print. */
export type Part =
  | {
      readonly kind: "file";
      readonly line: number;
      readonly name: string;
      readonly append: boolean;
      readonly text: string;
    }
  | {
      readonly kind: "commands";
      readonly line: number;
      readonly script: string;
      /** What the page shows of what they print, and where that text is in the page; undefined if it shows nothing. */
      readonly printed: { readonly text: string; readonly from: number; readonly to: number } | undefined;
    };

interface Fence {
  readonly language: string;
  readonly text: string;
  /** Where the text between the fences is in the page. */
  readonly from: number;
  readonly to: number;
  /** Where the block ends, with its last fence and line end. */
  readonly end: number;
  readonly line: number;
}

const FENCE = /^```(\S*)\n([\s\S]*?)^```\n/gm;

const fencesOf = (page: string): readonly Fence[] =>
  [...page.matchAll(FENCE)].map(({ index, 0: whole, 1: language, 2: text }) => {
    const from = index + "```\n".length + language.length;
    const line = page.slice(0, index).split("\n").length;
    return { language, text, from, to: from + text.length, end: index + whole.length, line };
  });

/** The first line of a file's block is its name, and whether it goes to the end of a file that is there. */
const NAME = /^\/\/ ([\w-]+\.(?:mjs|cell))(, at the end)?\n/;

/**
 * The parts of a page in their order. Throws for a block that is none: of another language, a file without a name, or an output that
 * follows no command. Indented blocks are not run: they are for what a test cannot have, such as a large data set.
 */
export function partsOf(page: string): readonly Part[] {
  const fences = fencesOf(page);
  const marks = [...page.matchAll(/^```/gm)].length;
  if (marks !== 2 * fences.length) throw new Error("a block of the page is never closed");
  return fences.flatMap((fence, at): Part[] => {
    const { language, text, line } = fence;
    if (language === "sh") {
      // A shell passes over the failure of all but the last command of a pipe.
      if (/^.*\bcellc\b.*\|/m.test(text)) throw new Error(`line ${line}: a cellc before a pipe could fail unseen`);
      const next = fences[at + 1];
      const follows = next?.language === "text" && page.slice(fence.end, next.from - "```text\n".length).trim() === "";
      return [{ kind: "commands", line, script: text, printed: follows ? next : undefined }];
    }
    if (language === "js" || language === "cell") {
      const name = NAME.exec(text);
      if (name === null) throw new Error(`line ${line}: the block does not begin with the name of its file`);
      return [{ kind: "file", line, name: name[1], append: name[2] !== undefined, text: text.slice(name[0].length) }];
    }
    const before = fences[at - 1];
    const isOutput =
      language === "text" &&
      before?.language === "sh" &&
      page.slice(before.end, fence.from - "```text\n".length).trim() === "";
    if (!isOutput) throw new Error(`line ${line}: a block of \`${language}\` follows no command`);
    return [];
  });
}

/** The page with what its commands printed, where that is not what it shows: a text for each part of commands, in their order. */
export function withPrinted(page: string, texts: readonly (string | undefined)[]): string {
  const shown = partsOf(page).flatMap((part) => (part.kind === "commands" ? [part.printed] : []));
  return shown.reduceRight((all, printed, at) => {
    const text = texts[at];
    return printed === undefined || text === undefined
      ? all
      : all.slice(0, printed.from) + text + all.slice(printed.to);
  }, page);
}

/** `1,234.5`, `8e-4`, and not the digits of a name. */
const NUMBER = /(?<![\w.]|\w-)\d[\d,]*(?:\.\d+)?(?:e-?\d+)?(?![\w])/g;

const numbersIn = (text: string): readonly string[] =>
  [...text.matchAll(NUMBER)].map(([number]) => number.replace(/,$/, "").replaceAll(",", ""));

/**
 * The numbers of the running text that no block of the page has, not even before they are rounded: `line 12: 98.7`. A number that a
 * tutorial repeats must be one that its commands have or print, and whoever changes these is told.
 */
export function unfoundedNumbers(page: string): readonly string[] {
  const known = fencesOf(page).flatMap(({ text }) => numbersIn(text));
  const prose = page
    // Blocks keep their lines, so that the others keep their numbers.
    .replace(FENCE, (block) => block.replace(/[^\n]/g, ""))
    .replace(/^ {4}.*$/gm, "")
    // Where a link leads, and the years of papers.
    .replace(/\]\([^)]*\)/g, "]")
    .replace(/\((?:[A-Z][^()]*\b)?(?:19|20)\d\d\)/g, "");
  return prose
    .split("\n")
    .flatMap((line, at) =>
      numbersIn(line).flatMap((number) =>
        known.some((one) => rounds(one, number)) ? [] : [`line ${at + 1}: ${number}`],
      ),
    );
}

/** Whether `said` is `known`, or what is left of it when it is rounded to as many places. */
function rounds(known: string, said: string): boolean {
  const places = /\.(\d+)$/.exec(said)?.[1].length ?? 0;
  return Number(known) === Number(said) || Number(Number(known).toFixed(places)) === Number(said);
}
