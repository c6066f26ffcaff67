/** Every fuzzer. */
import type { Fuzzer } from "./fuzzer.ts";
import { api } from "./fuzzers/api.ts";
import { cells } from "./fuzzers/cells.ts";
import { checkpoints } from "./fuzzers/checkpoints.ts";
import { dataFiles } from "./fuzzers/data-files.ts";
import { folders } from "./fuzzers/folders.ts";
import { kill } from "./fuzzers/kill.ts";
import { models } from "./fuzzers/models.ts";
import { plans } from "./fuzzers/plans.ts";

export const fuzzers: readonly Fuzzer[] = [cells, plans, checkpoints, models, folders, dataFiles, api, kill];
