/** `mydata.task.json`: what the command line says of a data set, said once. */
import { dirname, isAbsolute, join } from "node:path";
import { exit, Failure } from "../failure.ts";
import { readRecordFile } from "../report/files.ts";
import { oneOf, optional, record, type Schema, text } from "../report/schema.ts";
import { type DataOptions, dataOptionFields, dataOptionNames, dataOptions, type JsonSchema } from "./data-options.ts";

interface TaskFile extends DataOptions {
  readonly $schema?: string;
  readonly version: 1;
  /** Beside the task file, unless it is absolute. */
  readonly data: string;
}

const taskFile = record({
  $schema: optional(text),
  version: oneOf(1),
  data: text,
  ...dataOptionFields,
}) as Schema<TaskFile>;

/** Where the data is, and what the file says of it. Throws C0401, and C0402 with the line. */
export async function readTaskFile(path: string): Promise<{ readonly data: string; readonly own: DataOptions }> {
  const found = await readRecordFile(path, "a task file", taskFile);
  if (found === undefined)
    throw new Failure(
      "C0401",
      exit.input,
      `cannot read ${path}: there is no such file or folder`,
      "relative paths start at the current folder",
    );
  const { $schema: _, version: __, data, ...own } = found;
  return { data: isAbsolute(data) || data === "-" ? data : join(dirname(path), data), own };
}

/** The JSON schema of task files, from the table of options. */
export const taskFileJsonSchema: JsonSchema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "A task of cellc: a data set, and what a model is to make of it",
  type: "object",
  required: ["version", "data"],
  additionalProperties: false,
  properties: {
    $schema: { type: "string" },
    version: { const: 1 },
    data: { description: "a file, or a folder of files named after the parts; beside the task file", type: "string" },
    ...Object.fromEntries(
      dataOptionNames.map((name) => [name, { description: describe(name), ...dataOptions[name].json }]),
    ),
  },
};

/** The doc of an option; what turns something off is a field that says whether it is there. */
function describe(name: keyof DataOptions): string {
  return name === "header"
    ? "whether the first line has the names of the columns (default: true)"
    : dataOptions[name].doc;
}
