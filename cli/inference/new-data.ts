/** A trained model, and other data than it was trained on. */
import { isBuiltIn, withTaskFile } from "../data/settings.ts";
import type { Output } from "../output.ts";
import { type ModelSettings, type TrainedModel, trainedModel } from "../statistics/trained-model.ts";

const OF_DATA: ReadonlySet<string> = new Set(["data", "task"]);

/** Whether the command line names other data. */
const isNew = (given: ReadonlySet<string>): boolean => [...OF_DATA].some((name) => given.has(name));

/**
 * As `trainedModel`, with the data that the command line says: it does not change what the model must fit, so the form is that of the
 * run's own.
 */
export async function modelForData<Settings extends ModelSettings>(
  output: Pick<Output, "warn">,
  path: string,
  file: string | undefined,
  options: Settings,
  given: ReadonlySet<string>,
): Promise<TrainedModel<Settings>> {
  const ofModel = new Set([...given].filter((name) => !OF_DATA.has(name)));
  const model = await trainedModel(output, path, file, options, ofModel);
  if (!isNew(given)) return { ...model, settings: await withTaskFile(model.settings) };
  const { task } = model.settings;
  const known = task !== undefined && isBuiltIn(task) ? task : undefined;
  const settings = { ...model.settings, data: options.data, task: options.task ?? known };
  return { ...model, settings: await withTaskFile(settings) };
}

/** Whether all of the data is meant: other data than the run's, of which no part is asked for. */
export const isWhole = ({ own }: Pick<ModelSettings, "own">, given: ReadonlySet<string>): boolean =>
  isNew(given) && !given.has("split") && own?.split === undefined && own?.splitBy === undefined;
