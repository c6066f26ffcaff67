/** The progress bar of a terminal. `npm run build` bundles its packages into this file. */
import cliProgress from "cli-progress";

export const { SingleBar, Presets } = cliProgress;
