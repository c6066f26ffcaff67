/** The files of a project to start with: a model, a task file, and how to go on. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { DataOptions } from "../data/data-options.ts";
import { dataOptionNames } from "../data/data-options.ts";
import type { Task } from "../data/task.ts";
import { commandLine } from "../survey/command.ts";
import type { ProjectKind } from "./project-kinds.ts";
import { type StarterName, starterFile, starters } from "./starters.ts";

export interface Project {
  readonly name: string;
  readonly kind: ProjectKind;
  readonly starter: StarterName;
  /** The path of the data, as the task file has it. */
  readonly data: string;
  readonly own: DataOptions;
  readonly batch?: number;
  readonly task: Pick<Task, "dims" | "splits" | "summary">;
}

/** The files by their names in the project's folder. */
export function projectFiles(project: Project): Readonly<Record<string, string>> {
  const { name, starter, task } = project;
  return {
    [`${name}.cell`]: cellText(starter, task),
    [`${name}.task.json`]: taskText(project),
    "README.md": readmeText(project),
  };
}

const IMPORT = /^import \{ \w+ \} from "(.*)"\n/m;

/** The model with the cells that it imports in the same text, and the sizes that the data has. */
function cellText(starter: StarterName, { dims, splits }: Project["task"]): string {
  const path = starterFile(starter);
  const text = readFileSync(path, "utf8").replace(
    IMPORT,
    (_, cell: string) =>
      // The comment above the import is about the model: a line between keeps it apart from the cell's own.
      `\n${readFileSync(join(dirname(path), cell), "utf8").trimEnd()}\n`,
  );
  const sizes = Object.fromEntries(starters[starter].dims.map((name) => [name, dims[name]]));
  const hidden = splits.train < FEW ? { H: 32 } : {};
  return text.replace(/^(model \w+\()([^)]*)\)/m, (_, before: string, parameters: string) => {
    const sized = Object.entries({ ...sizes, ...hidden }).reduce(
      (all, [name, size]) => all.replace(new RegExp(`\\b${name} = \\d+`), `${name} = ${size}`),
      parameters,
    );
    return `${before}${sized})`;
  });
}

/** With fewer examples, a smaller model learns as well. */
const FEW = 2000;

function taskText({ data, own }: Project): string {
  const fields = dataOptionNames.flatMap((key): (readonly [string, unknown])[] =>
    own[key] === undefined ? [] : [[key, shortest(key, own[key])]],
  );
  const all = [["$schema", "https://unpkg.com/cellc/docs/task.schema.json"], ["version", 1], ["data", data], ...fields];
  return `{\n${all.map(([key, value]) => `  ${JSON.stringify(key)}: ${jsonText(value)}`).join(",\n")}\n}\n`;
}

/** Columns of `x` or `y` alone need no name. */
function shortest(key: keyof DataOptions, value: NonNullable<DataOptions[keyof DataOptions]>): unknown {
  if (key !== "inputs" && key !== "target" && key !== "label") return value;
  const entries = Object.entries(value);
  return entries.length === 1 && entries[0][0] === (key === "inputs" ? "x" : "y") ? entries[0][1] : value;
}

/** On one line, with blanks as people write them. */
function jsonText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(jsonText).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${jsonText(item)}`);
  return `{ ${entries.join(", ")} }`;
}

/** Enough to see whether a model learns. */
const LENGTH = ["--steps", "600", "--evaluate-every", "60"];

/** The commands of a project, as words, to be run in its folder. */
export function projectCommands({ name, kind, batch }: Project) {
  const both = [`${name}.cell`, "--task", `${name}.task.json`];
  const few = batch === undefined ? [] : ["--batch", String(batch)];
  const run = "runs/first";
  return {
    train: ["cellc", "train", ...both, ...few, ...LENGTH, "--lr", "3e-3", "--clip", "1", "--out", run],
    eval: ["cellc", "eval", run, "--split", "test"],
    use:
      kind === "language"
        ? ["cellc", "sample", run]
        : ["cellc", "predict", run, "--split", "test", "--out", "predictions.csv"],
    explore: ["cellc", "explore", ...both, ...few, "--budget", "100", "--out", "runs/explore"],
    data: ["cellc", "data", `${name}.task.json`],
  } satisfies Readonly<Record<string, readonly string[]>>;
}

/** What the command of use does. */
const USE: Readonly<Record<ProjectKind, string>> = {
  forecast: "writes what it predicts of the test part.",
  classify: "writes what it predicts of the test part.",
  language: "writes what the model says by itself.",
  logs: "writes for each event of the test part how likely the model found it, `p_true`: what is unlikely is unusual.",
};

function readmeText(project: Project): string {
  const { name, data, kind, task } = project;
  const commands = projectCommands(project);
  const line = (words: readonly string[]): string => `    npx ${commandLine(words)}`;
  return `# ${name}

${task.summary}.

| file | what it is |
| --- | --- |
| \`${name}.cell\` | the model: change its equations, or place norms |
| \`${name}.task.json\` | what of ${data} it reads, and what it predicts |

Run these in this folder.

${line(commands.data)}

shows some examples as the model gets them.

${line(commands.train)}

trains the model, measures it on the validation part every 60 steps, and draws its curves.

${line(commands.eval)}

measures it on the test part.

${line(commands.use)}

${USE[kind]}

${line(commands.explore)}

finds out which norm helps, and where.
`;
}
