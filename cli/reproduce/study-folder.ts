/** The folder of a study: a folder for each of its runs, `results.json`, and the report. */
import { join } from "node:path";
import { RecordedFolder } from "../recorded-folder.ts";
import { dictionary, type Infer, list, oneOf, optional, record, text } from "../report/schema.ts";
import { runResult } from "./results.ts";
import { scaleNames } from "./study.ts";

/** What is read again of the record; it holds what `cellc reproduce --json` prints. */
const studyRecord = record(
  {
    format: oneOf(1),
    study: text,
    scale: oneOf(...scaleNames),
    readings: dictionary(text),
    runs: optional(list(runResult)),
  },
  "allowed",
);

export class StudyFolder extends RecordedFolder<Infer<typeof studyRecord>> {
  readonly files: { readonly record: string; readonly page: string; readonly picture: string };

  constructor(path: string) {
    const files = {
      record: join(path, "results.json"),
      page: join(path, "report.html"),
      picture: join(path, "picture.svg"),
    };
    super(path, {
      noun: "a study",
      file: files.record,
      schema: studyRecord,
      drawing: files.page,
      identity: ({ study, scale, readings }) => ({ study, scale, readings }),
    });
    this.files = files;
  }
}
