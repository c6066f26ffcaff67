/** What a run is told, as options of `cellc train`, and how layers of them add up. */
import { commandLine } from "../survey/command.ts";

/** Numbers, norms or cells by name, as `--dims`, `--place` and `--cell` take them. */
type Named = Readonly<Record<string, string | number>>;

/** Options by their names without dashes. `true` is an option without a value; `false` takes back what an earlier layer said. */
export type Settings = Readonly<Record<string, string | number | boolean | Named>>;

/** Later layers replace earlier ones option by option; what is by name, name by name. */
export function layered(...layers: readonly Settings[]): Settings {
  const all: Record<string, Settings[string]> = {};
  for (const layer of layers) {
    for (const [option, value] of Object.entries(layer)) {
      const before = all[option];
      all[option] = typeof value === "object" && typeof before === "object" ? { ...before, ...value } : value;
    }
  }
  return all;
}

/** The settings as words of a command line. */
export const wordsOf = (settings: Settings): readonly string[] =>
  Object.entries(settings).flatMap(([option, value]) => {
    if (value === false) return [];
    if (value === true) return [`--${option}`];
    return [`--${option}`, typeof value === "object" ? namedText(value) : String(value)];
  });

/** `gamma=0.3,start=0`. */
const namedText = (named: Named): string =>
  Object.entries(named)
    .map(([name, value]) => `${name}=${value}`)
    .join(",");

/** The command line that trains a run. */
export const trainLine = (file: string, settings: Settings, rest: readonly string[] = []): string =>
  commandLine(["cellc", "train", file, ...wordsOf(settings), ...rest]);
