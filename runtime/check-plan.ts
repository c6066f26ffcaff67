import { RuntimeError } from "./error.ts";
import { elementsOf, regionNames, shapeOf } from "./layout.ts";
import type { Command, Entry, Init, Plan, RegionName, Role, Tensor } from "./plan.ts";
import { planFault } from "./plan-schema.ts";

/** Says what is wrong at a place in the plan. */
type Refuse = (path: string, fault: string) => never;

/** Floats of a cache line, on which regions begin and end. */
const line = 16;

interface Place {
  readonly regions: readonly RegionName[];
  /** Whether it varies with time: always, never, or either. */
  readonly time?: boolean;
  /** It holds one number, at each step if it varies with time. */
  readonly single?: true;
}

/** Where tensors of each role stand. */
const places: { readonly [K in Role["kind"]]: Place } = {
  param: { regions: ["param"], time: false },
  grad: { regions: ["grad"], time: false },
  stat: { regions: ["stat"], time: false },
  input: { regions: ["input"] },
  index: { regions: ["input"] },
  noise: { regions: ["input"] },
  hyper: { regions: ["input"], single: true },
  lengths: { regions: ["input"], time: true },
  state: { regions: ["input", "work"], time: false },
  output: { regions: ["work"] },
  loss: { regions: ["work"], time: false, single: true },
  metric: { regions: ["work"], time: false, single: true },
  batch_stat: { regions: ["work"] },
};

/** Regions that are the same for all entries. */
const lasting: readonly RegionName[] = ["param", "grad", "slot", "stat"];
/** Regions whose tensors the host writes one by one, so that none may stand where another does. */
const written: readonly RegionName[] = ["param", "stat", "input"];

/**
 * Checks a whole plan, once, when it is opened: that each field is there and of its type; that each tensor stands within its
 * region for every number of steps, where its role belongs, and that none that the host writes overlaps another; that all entries
 * agree on what they share; that commands start kernels there are, on grids of at least one workgroup, in loops that may stand
 * where they do. What the kernels themselves do with a plan is not to be seen in it: the seal says that they were made for it.
 * Errors: C0407, with the path of the field; C0406, if it was compiled for another target.
 */
export function checkPlan(plan: Plan, target: Plan["target"]): void {
  const refuse: Refuse = (path, fault) => {
    throw new RuntimeError("C0407", `the plan is damaged: ${path} ${fault}`, "compile it anew");
  };
  const fault = planFault(plan);
  // Without the dot in front of the first name.
  if (fault !== undefined) refuse("", fault.replace(/^[. ]/, ""));
  if (plan.target !== target) {
    throw new RuntimeError("C0406", `${plan.name} was compiled for ${plan.target}; this backend runs ${target}`);
  }
  if (!Object.hasOwn(plan.dims, "batch")) refuse("dims.batch", "is missing");
  distinct(plan.slots, "slots", refuse);
  distinct(
    plan.kernels.map(({ name }) => name),
    "kernels",
    refuse,
  );
  for (const [i, { regions }] of plan.kernels.entries()) {
    distinct(
      regions.map(({ region }) => region),
      `kernels[${i}].regions`,
      refuse,
    );
  }
  const entries = Object.entries(plan.entries);
  const [first] = entries;
  for (const [name, entry] of entries) {
    const path = `entries.${name}`;
    checkRegions(plan, entry, `${path}.regions`, refuse);
    checkTensors(plan, entry, name, path, refuse);
    checkCommands(plan, entry, `${path}.commands`, refuse);
    for (const region of lasting) {
      if (entry.regions[region].fixed !== first[1].regions[region].fixed)
        refuse(`${path}.regions.${region}`, `is not as large as in ${first[0]}`);
    }
    if (keptOf(entry) !== keptOf(first[1]))
      refuse(`${path}.tensors`, `has other parameters or statistics than ${first[0]}`);
  }
  checkStates(plan, refuse);
}

function distinct(names: readonly string[], path: string, refuse: Refuse): void {
  const known = new Set<string>();
  names.forEach((name, i) => {
    if (known.has(name)) refuse(`${path}[${i}]`, "is there twice");
    known.add(name);
  });
}

const keptOf = ({ tensors }: Entry): string =>
  JSON.stringify(tensors.filter(({ region }) => lasting.includes(region)));

/** Steps of a segment, where an entry works in segments. */
const segmentOf = ({ regions }: Entry): number | undefined => regions.work.segment?.length;

/** Floats of a region's fixed part that are not frames of a segment. */
const fixedOf = ({ regions }: Entry, region: RegionName): number => {
  const { fixed, segment } = regions[region];
  return fixed - (segment ? segment.frame * (segment.length + 1) : 0);
};

function checkRegions(plan: Plan, entry: Entry, path: string, refuse: Refuse): void {
  const { regions } = entry;
  for (const name of regionNames) {
    const { fixed, frame, segment } = regions[name];
    const at = `${path}.${name}`;
    for (const part of [fixed, frame, segment?.frame ?? 0, segment?.border ?? 0])
      if (part % line !== 0) refuse(at, `has a part of ${part} floats, which is no multiple of ${line}`);
    const isArena = name === "work" || name === "half";
    if (frame > 0 && !isArena && name !== "input") refuse(`${at}.frame`, "is not 0");
    if ((isArena ? segmentOf(entry) : undefined) !== segment?.length)
      refuse(`${at}.segment`, "is not as long as that of work");
    if (fixedOf(entry, name) < 0) refuse(`${at}.fixed`, "does not hold a segment's frames");
  }
  const { param, grad, slot, half } = regions;
  if (grad.fixed !== param.fixed) refuse(`${path}.grad.fixed`, "is not as large as param's");
  if (slot.fixed !== plan.slots.length * param.fixed) refuse(`${path}.slot.fixed`, "is not as large as the slots");
  if (plan.target === "wasm" && half.fixed + half.frame > 0) refuse(`${path}.half`, "is not empty");
}

/** A tensor's stretch of a region: from `start` up to `end`, in each frame if it varies with time. */
interface Stretch {
  readonly tensor: Tensor;
  readonly at: string;
  readonly start: number;
  readonly end: number;
}

function checkTensors(plan: Plan, entry: Entry, name: string, path: string, refuse: Refuse): void {
  const { tensors } = entry;
  const params = new Map(tensors.flatMap((tensor) => (tensor.role.kind === "param" ? [[tensor.name, tensor]] : [])));
  const stretches = tensors.map((tensor, i): Stretch => {
    const at = `${path}.tensors[${i}]`;
    const { role, region, time, shape, batch } = tensor;
    const place = places[role.kind];
    if (!place.regions.includes(region)) refuse(`${at}.region`, `is ${region}, where no ${role.kind} stands`);
    if ((place.time ?? time) !== time || (time && (name === "start" || name === "step")))
      refuse(`${at}.time`, `is ${time}, of a tensor of role ${role.kind} in ${name}`);
    if (batch && shape[0] !== plan.dims.batch) refuse(`${at}.shape`, `has no batch of ${plan.dims.batch} in front`);
    const single = place.single || (role.kind === "lengths" && !perExample(role.mark));
    if (single && shape.length > 0) refuse(`${at}.shape`, "is not that of one number");
    if (role.kind === "lengths" && perExample(role.mark) && !(batch && shape.length === 1))
      refuse(`${at}.shape`, "is not that of a number for each example");
    checkRole(role, tensor, params, at, refuse);
    return { tensor, at, ...within(entry, tensor, at, refuse) };
  });
  // A state has one name as it comes in and as it goes out.
  distinct(
    tensors.map((tensor) => `${Number(tensor.role.kind === "state" && tensor.region === "input")}${tensor.name}`),
    `${path}.tensors`,
    refuse,
  );
  for (const region of written) {
    for (const time of [false, true]) {
      const here = stretches.filter(({ tensor }) => tensor.region === region && tensor.time === time);
      const sorted = here.toSorted((a, b) => a.start - b.start);
      sorted.forEach(({ start, at }, i) => {
        if (i > 0 && start < sorted[i - 1].end)
          refuse(`${at}.offset`, `is where \`${sorted[i - 1].tensor.name}\` stands`);
      });
    }
  }
  const losses = tensors.filter(({ role }) => role.kind === "loss").length;
  if (losses > 1 || (name === "train" && losses === 0)) refuse(`${path}.tensors`, `has ${losses} losses`);
}

const perExample = (mark: Extract<Role, { kind: "lengths" }>["mark"]): boolean => mark === "valid" || mark === "last";

/** A frame more than there are steps lets a tensor with time begin in the first frame or in the second. */
function within(entry: Entry, tensor: Tensor, at: string, refuse: Refuse): Pick<Stretch, "start" | "end"> {
  const { region, offset, time } = tensor;
  const { frame } = entry.regions[region];
  const start = time && region === "work" && offset >= frame ? offset - frame : offset;
  const end = start + elementsOf(shapeOf({ ...tensor, time: false }, 1));
  const room = time ? frame : fixedOf(entry, region);
  if (end > room) refuse(`${at}.offset`, `is ${offset}, and \`${tensor.name}\` ends beyond the ${room} floats it may have`);
  return { start, end };
}

function checkRole(
  role: Role,
  { shape, offset }: Tensor,
  params: ReadonlyMap<string, Tensor>,
  at: string,
  refuse: Refuse,
): void {
  if (role.kind === "grad") {
    const of = params.get(role.of);
    if (of?.offset !== offset || of.shape.join() !== shape.join())
      refuse(at, `does not stand as its parameter \`${role.of}\` does`);
  } else if (role.kind === "stat" && role.policy === "shared" && role.steps !== 1) {
    refuse(`${at}.role.steps`, "is not 1");
  } else if (role.kind === "param") checkInit(role.init, shape, params, `${at}.role.init`, refuse);
}

function checkInit(
  init: Init,
  shape: readonly number[],
  params: ReadonlyMap<string, Tensor>,
  at: string,
  refuse: Refuse,
): void {
  const columns = shape.at(-1) ?? 1;
  if (init.kind === "blocks") {
    const width = columns / init.parts.length;
    if (!Number.isInteger(width)) refuse(at, `does not cut ${columns} columns in equal blocks`);
    for (const part of init.parts) checkInit(part, [...shape.slice(0, -1), width], params, at, refuse);
  }
  if (init.kind !== "lengths") return;
  const of = params.get(init.of);
  const role = of?.role;
  // Of a parameter that looks at another in turn, the two could look at each other.
  if (role?.kind !== "param" || JSON.stringify(role.init).includes('"lengths"'))
    refuse(`${at}.of`, `is \`${init.of}\`, whose first values are not known`);
  if ((of?.shape.at(-1) ?? 1) !== columns) refuse(`${at}.of`, `is \`${init.of}\`, which has not ${columns} columns`);
}

function checkCommands(plan: Plan, entry: Entry, path: string, refuse: Refuse): void {
  const known = new Set(plan.kernels.map(({ name }) => name));
  const check = (commands: readonly Command[], inside: string): void =>
    commands.forEach((command, i) => {
      const at = `${inside}[${i}]`;
      if (command.do === "dispatch") {
        if (!known.has(command.kernel)) refuse(`${at}.kernel`, `is \`${command.kernel}\`, which is no kernel of the plan`);
        command.grid.forEach(({ fixed, perStep }, axis) => {
          if (fixed + perStep < 1) refuse(`${at}.grid[${axis}]`, "has no workgroup");
        });
        return;
      }
      if (command.do === "segments" && command.length !== segmentOf(entry))
        refuse(`${at}.length`, "is not that of the segments of work");
      check(command.commands, `${at}.commands`);
    });
  check(entry.commands, path);
}

/** The states that `start` makes are those that `step` takes, and those that it makes. */
function checkStates({ entries: { start, step } }: Plan, refuse: Refuse): void {
  if ((start === undefined) !== (step === undefined)) refuse("entries", "has one of start and step, not both");
  const states = (entry: Entry | undefined, region: RegionName): string =>
    JSON.stringify(
      (entry?.tensors ?? [])
        .filter((tensor) => tensor.role.kind === "state" && tensor.region === region)
        .map(({ name, shape }) => [name, shape])
        .toSorted(),
    );
  const made = states(start, "work");
  if (states(step, "input") !== made || states(step, "work") !== made)
    refuse("entries.step.tensors", "has other states than start");
}
