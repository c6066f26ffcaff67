/** `cellc init KIND`: writes a model, a task file and the commands for data of one's own, or for a small made-up file. */
import { existsSync, statSync } from "node:fs";
import { isAbsolute, join, relative, resolve } from "node:path";
import type { Context } from "../context.ts";
import type { DataOptions } from "../data/data-options.ts";
import { baseName } from "../data/formats.ts";
import { openOwnData } from "../data/own-data.ts";
import { type ExitCode, exit, Failure } from "../failure.ts";
import { writeAtomically } from "../report/files.ts";
import { madeData } from "../start/made-data.ts";
import { type Project, projectCommands, projectFiles } from "../start/project.ts";
import { type ProjectKind, projectKinds } from "../start/project-kinds.ts";
import { starterFor } from "../start/starters.ts";
import { commandLine } from "../survey/command.ts";
import { type FoundData, openSurvey } from "../survey/open-survey.ts";
import { type Kind, proposalOf } from "../survey/proposal.ts";

export interface InitOptions {
  readonly data?: string;
  readonly out?: string;
  readonly own?: DataOptions;
}

/** What a project of a kind can be made of, the likeliest first. */
const FITTING: Readonly<Record<ProjectKind, readonly Kind[]>> = {
  forecast: ["forecast", "estimation"],
  classify: ["classification", "tagging"],
  language: ["language"],
  logs: ["language"],
};

/** Throws the readers' errors, C0406 for data of another kind, and C0301 for a file that is there already. */
export async function init(context: Context, kind: ProjectKind, options: InitOptions): Promise<ExitCode> {
  const { output, stdin } = context;
  if (options.data === "-")
    throw new Failure("C0301", exit.usage, "a project cannot keep standard input", "write it to a file, and name that");
  const made = options.data === undefined ? madeData[kind] : undefined;
  const name = projectName(options.data, kind);
  const folder = options.out ?? freeFolder(name);
  const path = options.data ?? join(folder, made!.file);
  const files = [`${name}.cell`, `${name}.task.json`, "README.md", ...(made === undefined ? [] : [made.file])];
  checkFree(folder, files);
  if (made !== undefined) await writeAtomically(path, made.text());

  const host = { stdin: stdin as AsyncIterable<Uint8Array | string>, say: (line: string) => output.warn(line) };
  const found = await openSurvey(host, path, { ...usual(kind, options.data), ...options.own });
  const proposal = proposalOf(found, FITTING[kind]);
  if (proposal === undefined) throw unfit(found, kind);
  const own = withEnds(kind, proposal.own);
  const task = await openOwnData(host, path, own);
  const project: Project = {
    ...{ name, kind, own, task },
    starter: starterFor(task, proposal.kind === "language"),
    data: dataPath(folder, path),
    ...(proposal.batch !== undefined && { batch: proposal.batch }),
  };
  for (const [file, text] of Object.entries(projectFiles(project))) await writeAtomically(join(folder, file), text);

  const commands = projectCommands(project);
  output.say(`${folder} holds ${files.join(", ")}`);
  output.say();
  if (resolve(folder) !== process.cwd()) output.say(`  ${commandLine(["cd", folder])}`);
  output.say(`  ${commandLine(commands.train)}`);
  output.result({ ok: true, folder, name, files, model: project.starter, options: own, commands });
  return exit.ok;
}

/** Names of files and of cells have few characters in common with all that data files are called. */
function projectName(data: string | undefined, kind: ProjectKind): string {
  if (data === undefined) return kind;
  const found = baseName(resolve(data))
    .replace(/[^\p{L}\p{N}_-]+/gu, "-")
    .replace(/^-+|-+$/g, "");
  return found === "" ? kind : found;
}

/** Data without an ending in its name is a file where the folder would be. */
const freeFolder = (name: string): string =>
  existsSync(name) && !statSync(name).isDirectory() ? `${name}-project` : name;

function checkFree(folder: string, files: readonly string[]): void {
  const there = files.find((file) => existsSync(join(folder, file)));
  if (there === undefined) return;
  throw new Failure(
    "C0301",
    exit.usage,
    `${join(folder, there)} is there already, and init overwrites nothing`,
    "choose another folder: --out DIR",
  );
}

/** A log has a sequence of words on each line; what it never had before is to be read, too. */
function usual(kind: ProjectKind, data: string | undefined): DataOptions {
  if (kind !== "logs") return {};
  const isText = data === undefined || /\.(?:log|txt|text)(?:\.gz)?$/i.test(data);
  return { unknown: true, ...(isText && ({ unit: "words", lines: true } as const)) };
}

/** A session that stops too early is only seen if its end is an event, too. */
function withEnds(kind: ProjectKind, own: DataOptions): DataOptions {
  const hasLines = kind === "logs" && own.unit === "words" && own.lines === true;
  return hasLines && own.lineEnd === undefined ? { ...own, lineEnd: "<end>" } : own;
}

/** How the task file names the data: from its own folder, unless there is no way. */
function dataPath(folder: string, path: string): string {
  const way = relative(resolve(folder), resolve(path));
  return isAbsolute(way) ? way : way.replaceAll("\\", "/");
}

function unfit(found: FoundData, kind: ProjectKind): Failure {
  const back = found.survey.time?.firstBack;
  if (back !== undefined)
    return new Failure(
      "C0406",
      exit.input,
      `the times in ${found.path} go back, first from ${back[0]} to ${back[1]}`,
      "sort the rows by time, or say which column tells series apart: --group",
    );
  const other = proposalOf(found);
  const fitting = other && projectKinds.find((one) => FITTING[one].includes(other.kind));
  return new Failure(
    "C0406",
    exit.input,
    `${found.path} shows nothing that \`${kind}\` could be made of`,
    fitting === undefined
      ? "say what is to be predicted: --target NUMBERS or --label CLASSES; cellc data and the file shows what is there"
      : `it looks like one for: cellc init ${fitting}; or say what is to be predicted: --target NUMBERS, --label CLASSES`,
  );
}
