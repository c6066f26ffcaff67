/** What can be proven about a cell or model before it runs, as warnings. */

import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { Graph, Value } from "../ir/types.ts";
import { placed } from "../lower.ts";
import type { Source } from "../semantics/context.ts";
import type { Elaborated } from "../semantics/elaborate.ts";
import { placeName } from "../semantics/site-names.ts";
import { deadParameters } from "./dead-parameters.ts";
import { degenerateStatistics } from "./degenerate-statistics.ts";
import { normalizedStates } from "./normalized-states.ts";
import { redundantShifts } from "./redundant-shifts.ts";

/** Warnings W0604 (no gradient), W0605 (shift beside a shift) and W0606 (normalized state), each at its place in the text. */
export function prove({
  graph,
  sources,
  sites,
}: Pick<Elaborated, "graph" | "sources" | "sites">): readonly Diagnostic[] {
  const whole = placed(graph, "train");
  const dead = deadParameters(whole);
  return [
    ...dead.flatMap(({ name, mean, stopped }) => {
      const source = sources.get(name);
      return source ? [withoutGradient(source, mean && siteOf(mean, whole), stopped)] : [];
    }),
    ...besideShifts(whole, sources, dead).map(({ name, beside }) => shiftBesideShift(sources.get(name)!, beside)),
    ...normalizedStates(graph).map(({ site, state }) => normalizedState(sites.find((s) => s.name === site)!, state)),
  ];
}

/** The norms' shifts that W0605 warns of: the site or parameter that each norm is placed on, and the option that `none` leaves out. */
export function unneededShifts({
  graph,
  sources,
}: Pick<Elaborated, "graph" | "sources">): readonly { readonly site: string; readonly option: string }[] {
  const whole = placed(graph, "train");
  return besideShifts(whole, sources, deadParameters(whole)).flatMap(({ name }) => {
    const { site, option } = sources.get(name)!.norm!;
    return option === undefined ? [] : [{ site, option }];
  });
}

function besideShifts(
  whole: Graph,
  sources: Elaborated["sources"],
  dead: ReturnType<typeof deadParameters>,
): ReturnType<typeof redundantShifts> {
  const isShift = (name: string): boolean =>
    sources.get(name)?.norm !== undefined && !dead.some((d) => d.name === name);
  return redundantShifts(whole, isShift);
}

/** Warnings W0603: norms whose statistics are degenerate for a batch of one example. */
export function batchOfOne({
  graph,
  sites,
  dims,
}: Pick<Elaborated, "graph" | "sites" | "dims">): readonly Diagnostic[] {
  const degenerate = [...degenerateStatistics(graph, dims)].flatMap(([name, { steps }]) =>
    steps === "any" ? [name] : [],
  );
  return sites
    .filter((site) => degenerate.some((name) => name.startsWith(`${site.name}/`)))
    .map(({ name, span }) => {
      const shown = placeName(name);
      return {
        code: "W0603",
        severity: "warning",
        message: `a batch of one has no variance: trained so, the norm at \`${shown}\` sees nothing of the example`,
        span,
        label: "its statistics are over examples",
        help: `use batches of 32 or more, or --place ${shown}=layer; to infer only, compile only the entries infer or step`,
      };
    });
}

/** A parameter in the user's words: `b`, or the parameter `k` of `batch` at `hh`. */
const described = ({ name, norm }: Source): string =>
  norm === undefined ? `\`${name}\`` : `\`${name}\` of \`${norm.name}\` at \`${norm.site}\``;

const leaveOut = ({ norm }: Source): string =>
  norm?.option === undefined ? "leave it out" : `leave it out: ${norm.option} = none`;

function withoutGradient(source: Source, site: string | undefined, stopped: boolean): Diagnostic {
  const aside = stopped && source.norm === undefined;
  return {
    code: "W0604",
    severity: "warning",
    message:
      site === undefined
        ? aside
          ? `no gradient reaches ${described(source)}, because of \`stop\``
          : `the loss does not depend on ${described(source)}`
        : `the norm at \`${site}\` takes off again what ${described(source)} adds to all examples alike`,
    span: source.span,
    label: "its gradient is zero, whatever the numbers are",
    help:
      site === undefined
        ? aside
          ? `if it is not to be trained, declare it \`const\`, without \`stop\`: const ${source.name}`
          : "leave it out, or let the loss depend on it"
        : source.norm === undefined
          ? "leave it out, or add it after the norm"
          : leaveOut(source),
  };
}

function shiftBesideShift(source: Source, beside: readonly string[]): Diagnostic {
  return {
    code: "W0605",
    severity: "warning",
    message: `${described(source)} is only ever added to ${beside.map((name) => `\`${name}\``).join(" and ")}`,
    span: source.span,
    label: "a shift beside another shift",
    help: leaveOut(source),
  };
}

function normalizedState({ name, span }: Elaborated["sites"][number], state: string): Diagnostic {
  const short = name.slice(name.lastIndexOf("/") + 1);
  return {
    code: "W0606",
    severity: "warning",
    message: `the state \`${state}\` carries its normalized value on`,
    span,
    label: `\`${state}'\` is what the norm at \`${short}\` makes, and the next step adds to that`,
    help: `carry the value itself, and read the normalized one: ${state}' = …; site ${short} = ${state}'; h' = tanh(${short})`,
  };
}

/** The site whose statistic `mean` is. */
function siteOf(mean: Value, { ops, results }: Graph): string | undefined {
  const inside = new Map<Value, Value | undefined>(
    ops.flatMap((op) => op.results.map((r, i) => [r, op.body?.results[i]] as const)),
  );
  const statistic = results.find(
    ({ kind, value }) => kind === "batch_stat" && (value === mean || inside.get(value) === mean),
  );
  return statistic && placeName(statistic.name.slice(0, statistic.name.lastIndexOf("/")));
}
