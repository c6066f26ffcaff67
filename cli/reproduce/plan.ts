/** The runs of a study: each a folder that `cellc train` makes, with the settings of its scale, its readings and its variant. */
import { exit, Failure } from "../failure.ts";
import { layered, type Settings } from "./settings.ts";
import type { DataPlace, ScaleName, Study } from "./study.ts";

/** What the command line chooses. */
export interface Choices {
  readonly scale: ScaleName;
  /** Default: the scale's. */
  readonly variants?: readonly string[];
  /** Default: as many as the scale has, from the first on. */
  readonly seeds: readonly number[];
  /** The reading of each point that is not to be read as by default. */
  readonly readings: Readonly<Record<string, string>>;
  /** Replaces what the scale says. */
  readonly settings: Settings;
}

export interface PlannedRun {
  readonly variant: string;
  readonly seed: number;
  /** The name of its folder. */
  readonly name: string;
  readonly settings: Settings;
}

/** Seed by seed, so that each seed is complete before the next begins. Throws C0301 for names that there are none of, and C0405. */
export function plannedRuns(study: Study, choices: Choices, place: DataPlace): readonly PlannedRun[] {
  const scale = study.scales[choices.scale];
  const names = choices.variants ?? scale.variants ?? Object.keys(study.variants);
  for (const name of names) {
    if (Object.hasOwn(study.variants, name)) continue;
    throw new Failure(
      "C0301",
      exit.usage,
      `${study.title} has no variant ${name}`,
      `its variants are ${Object.keys(study.variants).join(", ")}`,
    );
  }
  const data = study.data(place);
  const read = readingSettings(study, choices.readings);
  return choices.seeds.flatMap((seed) =>
    names.map((variant) => ({
      variant,
      seed,
      name: runName(variant, seed),
      settings: layered(
        study.settings,
        data,
        ...read,
        study.variants[variant].settings,
        scale.settings,
        choices.settings,
      ),
    })),
  );
}

export const runName = (variant: string, seed: number): string => `${variant}-${seed}`;

/** What each point is read as. Throws C0301 for a point or a reading that there is none of. */
export function chosenReadings(study: Study, given: Choices["readings"]): Readonly<Record<string, string>> {
  for (const [name, choice] of Object.entries(given)) {
    const reading = Object.hasOwn(study.readings, name) ? study.readings[name] : undefined;
    if (reading === undefined)
      throw new Failure(
        "C0301",
        exit.usage,
        `${study.title} has no point ${name} to be read in several ways`,
        `its points are ${Object.keys(study.readings).join(", ")}`,
      );
    if (!Object.hasOwn(reading.choices, choice))
      throw new Failure(
        "C0301",
        exit.usage,
        `${name} cannot be read as ${choice}`,
        `it can be read as ${Object.keys(reading.choices).join(", ")}`,
      );
  }
  return Object.fromEntries(
    Object.entries(study.readings).map(([name, { choices }]) => [name, given[name] ?? Object.keys(choices)[0]]),
  );
}

const readingSettings = (study: Study, given: Choices["readings"]): readonly Settings[] =>
  Object.entries(chosenReadings(study, given)).map(([name, choice]) => study.readings[name].choices[choice].settings);
