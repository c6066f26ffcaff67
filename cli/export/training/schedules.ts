/** How Python says each schedule of the learning rate: a row each. */
import { type ScheduleChoice, type ScheduleName, type ScheduleRow, schedules } from "../../../runtime/fit/schedules.ts";

type OptionsOf<N extends ScheduleName> = { readonly [O in keyof (typeof schedules)[N]["options"]]: number };

/** The factor of the learning rate after `done` of `of` updates; undefined for one that depends on evaluations. */
type Spelling<N extends ScheduleName> = ((options: OptionsOf<N>) => string) | undefined;

const PART = "min(1.0, done / of)";

export const scheduleSpellings: { readonly [N in ScheduleName]: Spelling<N> } = {
  none: () => "1.0",
  linear: ({ floor }) => `1 - (1 - ${floor}) * ${PART}`,
  cosine: ({ floor }) => `eased(1, ${floor}, ${PART})`,
  step: ({ factor, every }) => `${factor} ** (done // ${every === 0 ? "math.ceil(of / 3)" : every})`,
  "one-cycle": ({ rise, start, floor }) => {
    const fall = `eased(1, ${floor}, ${rise < 1 ? `(${PART} - ${rise}) / (1 - ${rise})` : "1"})`;
    return rise > 0 ? `eased(${start}, 1, ${PART} / ${rise}) if ${PART} < ${rise} else ${fall}` : fall;
  },
  plateau: undefined,
};

/** The factor of a schedule as an expression of `done` and `of`; undefined for a schedule that depends on evaluations. */
export function spelledSchedule(choice: ScheduleChoice): string | undefined {
  const { name, ...given } = typeof choice === "string" ? { name: choice } : choice;
  const rows: ScheduleRow["options"] = schedules[name].options;
  const options = Object.fromEntries(Object.entries(rows).map(([option, row]) => [option, row.default]));
  const spelling = scheduleSpellings[name] as ((options: Readonly<Record<string, number>>) => string) | undefined;
  return spelling?.({ ...options, ...given });
}
