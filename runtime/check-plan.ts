import { codeKinds } from "./code-kinds.ts";
import { RuntimeError } from "./error.ts";
import { axesOfPlan } from "./inference-arguments.ts";
import { initFunctions } from "./init-functions.ts";
import { elementsOf, regionNames, shapeOf } from "./layout.ts";
import { markAxes } from "./mark-axes.ts";
import type { Command, Entry, Init, Plan, Region, RegionName, Role, Tensor } from "./plan.ts";
import { planFault } from "./plan-schema.ts";

/** Floats of a cache line, to which regions are aligned. */
const line = 16;

interface Place {
  readonly regions: readonly RegionName[];
  /** Whether it varies with time: always, never, or either. */
  readonly time?: boolean;
  /** It holds one number, or one for each example; if it varies with time, at each step. */
  readonly single?: true;
}

/** Where tensors of each role are stored. */
const places: { readonly [K in Role["kind"]]: Place } = {
  param: { regions: ["param"], time: false },
  grad: { regions: ["grad"], time: false },
  stat: { regions: ["stat"], time: false },
  input: { regions: ["input"] },
  index: { regions: ["input"] },
  noise: { regions: ["input"] },
  hyper: { regions: ["input"], single: true },
  step: { regions: ["input"], single: true },
  lengths: { regions: ["input"], single: true },
  state: { regions: ["input", "work"], time: false },
  output: { regions: ["work"] },
  // What the optimiser reads from the run before is stored after the gradients.
  loss: { regions: ["work", "grad"], time: false, single: true },
  loss_term: { regions: ["work"], time: false, single: true },
  metric: { regions: ["work", "grad"], time: false, single: true },
  weight: { regions: ["work"], time: false, single: true },
  batch_stat: { regions: ["work"] },
};

/** Regions that are the same for all entries. */
const lasting: readonly RegionName[] = ["param", "grad", "slot", "stat"];
/** Regions in which tensors never overlap. In `work` they do where their lifetimes do not. */
const unshared: readonly RegionName[] = ["param", "grad", "stat", "input"];

/**
 * Checks a whole plan once, when it is opened: that each field is there and has its type; that each tensor is in a region that suits
 * its role, within its bounds for every number of steps, and that none that the host writes overlaps another; that all entries agree
 * on what they share; that commands start kernels that exist, on grids of at least one workgroup. What the kernels do cannot be seen
 * in the plan: the seal proves that they were made for it. Errors: C0411, with the path of the field; C0406, if it was compiled for
 * another target.
 */
export function checkPlan(plan: Plan, target: Plan["target"]): void {
  const fault = planFault(plan);
  // Without the dot in front of the first name.
  if (fault !== undefined) throw damaged(fault.replace(/^[. ]/, ""));
  if (plan.target !== target) {
    throw new RuntimeError("C0406", `${plan.name} was compiled for ${plan.target}; this backend runs ${target}`);
  }
  const axes = axesOfPlan(plan);
  for (const [entry, { tensors }] of Object.entries(plan.entries))
    tensors.forEach(({ axis }, i) => {
      must(axis === undefined || axes.includes(axis), `entries.${entry}.tensors[${i}].axis`, "is that of no input");
    });
  const { batch } = plan.dims;
  must(batch !== undefined, "dims.batch", "is missing");
  distinct(plan.slots, "slots");
  distinct(namesOf(plan.kernels), "kernels");
  plan.kernels.forEach(({ regions }, i) => {
    distinct(
      regions.map(({ region }) => region),
      `kernels[${i}].regions`,
    );
  });
  const kernels = new Set(namesOf(plan.kernels));
  const entries = Object.entries(plan.entries);
  const kept = entries.map(([, entry]) => keptIn(entry));
  entries.forEach(([name, entry], i) => {
    const at = `entries.${name}`;
    checkRegions(plan, entry, `${at}.regions`);
    checkTensors(entry, name, plan, `${at}.tensors`);
    checkCommands(entry.commands, entry, kernels, `${at}.commands`);
    checkTextures(plan, entry, at);
    must(kept[i] === kept[0], at, `has other parameters, slots or statistics than ${entries[0][0]}`);
  });
  const { start, step, ...whole } = plan.entries;
  for (const [name, entry] of Object.entries(whole))
    must(
      statesIn(entry, "input") === statesIn(entry, "work"),
      `entries.${name}`,
      "goes on from other states than its own",
    );
  const made = statesIn(start, "work");
  must(
    !start === !step && statesIn(step, "input") === made && statesIn(step, "work") === made,
    "entries.step",
    "has other states than start",
  );
}

const damaged = (what: string): RuntimeError =>
  new RuntimeError("C0411", `the plan is damaged: ${what}`, "compile it anew");

function must(isTrue: boolean, path: string, fault: string): void {
  if (!isTrue) throw damaged(`${path} ${fault}`);
}

function distinct(names: readonly string[], path: string): void {
  must(new Set(names).size === names.length, path, "has a name twice");
}

const namesOf = (named: readonly { readonly name: string }[]): readonly string[] => named.map(({ name }) => name);

const isKept = ({ kind }: Role): boolean => kind === "param" || kind === "grad" || kind === "stat";

/** Everything that entries must agree on. */
const keptIn = ({ tensors, regions }: Entry): string =>
  JSON.stringify([tensors.filter(({ role }) => isKept(role)), lasting.map((name) => regions[name])]);

/** The states in a region, by name. */
const statesIn = (entry: Entry | undefined, region: RegionName): string =>
  JSON.stringify(
    entry?.tensors
      .filter((tensor) => tensor.role.kind === "state" && tensor.region === region)
      .map(({ name, shape }) => JSON.stringify([name, shape]))
      .sort(),
  );

/** A region's fixed part without the frames of a segment. */
const fixedOf = ({ fixed, segment }: Region): number => fixed - (segment ? segment.frame * (segment.length + 1) : 0);

function checkRegions({ slots, target }: Plan, { regions }: Entry, path: string): void {
  for (const name of regionNames) {
    const region = regions[name];
    const { fixed, frame, segment } = region;
    const at = `${path}.${name}`;
    const parts = [fixed, frame, segment?.frame ?? 0, segment?.border ?? 0];
    must(
      parts.every((part) => part % line === 0),
      at,
      `is not on lines of ${line} floats`,
    );
    const isArena = name === "work" || name === "half";
    must(frame === 0 || isArena || name === "input", at, "has frames");
    must(segment?.length === (isArena ? regions.work.segment?.length : undefined), at, "has other segments than work");
    must(fixedOf(region) >= 0, at, "does not hold the frames of a segment");
  }
  const { param, grad, slot, half } = regions;
  const trained = slots.length === 0 ? slot.fixed : slot.fixed / slots.length;
  must(trained % line === 0 && trained <= param.fixed, `${path}.slot`, "is not as large as its slots");
  must(grad.fixed >= trained, `${path}.grad`, "is not as large as a slot");
  must(codeKinds[target].halves || half.fixed + half.frame === 0, `${path}.half`, "is not empty");
}

function checkTensors({ tensors, regions }: Entry, entry: string, { dims, slots }: Plan, path: string): void {
  const { batch } = dims;
  const params = new Map(tensors.flatMap((tensor) => (tensor.role.kind === "param" ? [[tensor.name, tensor]] : [])));
  const hasTime = entry !== "start" && entry !== "step";
  const intervals = tensors.map((tensor, i) => {
    const at = `${path}[${i}]`;
    const { role, region, offset, time, shape } = tensor;
    const place = places[role.kind];
    must(place.regions.includes(region), `${at}.region`, `is no place for what is ${role.kind}`);
    must((place.time ?? time) === time && (hasTime || !time), `${at}.time`, `is ${time}`);
    must(!tensor.batch || shape[0] === batch, `${at}.shape`, `has no batch of ${batch} in front`);
    checkRole(tensor, params, batch, at);
    const { frame } = regions[region];
    // There is one frame more than there are steps, so a tensor with time may begin in the first or the second.
    const start = time && region === "work" && offset >= frame ? offset - frame : offset;
    const end = start + elementsOf(shapeOf({ ...tensor, time: false }, 1));
    must(end <= (time ? frame : fixedOf(regions[region])), `${at}.offset`, "lets it end beyond its region");
    const hasSlots = role.kind === "param" && !role.constant && slots.length > 0;
    must(!hasSlots || end <= regions.slot.fixed / slots.length, `${at}.offset`, "lets it end beyond its slots");
    return { at, region, time, start, end };
  });
  // Names are unique within a kind: an input may also be an output, and a metric may share an output's name.
  distinct(
    tensors.map(({ name, role, region }) => `${isKept(role) ? "kept" : `${role.kind} ${region}`} ${name}`),
    path,
  );
  intervals.sort((a, b) => a.start - b.start);
  for (const region of unshared) {
    for (const time of [false, true]) {
      const here = intervals.filter((interval) => interval.region === region && interval.time === time);
      here.forEach(({ at, start }, i) => {
        must(i === 0 || start >= here[i - 1].end, `${at}.offset`, `lets it overlap ${here[i - 1]?.at}`);
      });
    }
  }
  const losses = tensors.filter(({ role }) => role.kind === "loss").length;
  must(losses === 1 || (losses === 0 && entry !== "train"), path, `have ${losses} losses`);
}

function checkRole(
  { name, role, shape, offset, time, batch: isOfEach }: Tensor,
  params: ReadonlyMap<string, Tensor>,
  batch: number,
  at: string,
): void {
  const mark = role.kind === "lengths" ? markAxes[role.mark] : undefined;
  if (places[role.kind].single)
    // Examples may have begun at different steps.
    must(
      shape.join() === ((mark ? mark.batch : role.kind === "step" && (isOfEach || !time)) ? `${batch}` : ""),
      `${at}.shape`,
      "is not that of one number",
    );
  must(mark === undefined || mark.time === time, `${at}.time`, "is not that of its mark");
  if (role.kind === "grad") {
    const of = params.get(role.of);
    const isTrained = of?.role.kind === "param" && !of.role.constant;
    must(isTrained && of.offset === offset && of.shape.join() === shape.join(), at, "is not placed like its parameter");
  }
  if (role.kind === "stat")
    must(role.policy === "per_step" || role.steps === 1, `${at}.role.steps`, "is not 1, and the policy is shared");
  if (role.kind === "param") {
    checkOrder(name, params, `${at}.role.init`);
    checkInit(role.init, shape, params, `${at}.role.init`);
  }
}

/** The parameters whose initial values `name`'s is computed from. Two that referred to each other would have none. */
function checkOrder(
  name: string,
  params: ReadonlyMap<string, Tensor>,
  at: string,
  within: readonly string[] = [],
): void {
  must(!within.includes(name), at, "is computed from itself");
  const role = params.get(name)?.role;
  if (role?.kind !== "param") return;
  for (const of of namedIn(role.init)) checkOrder(of, params, at, [...within, name]);
}

const namedIn = (init: Init): readonly string[] => {
  switch (init.kind) {
    case "lengths":
    case "copy":
      return [init.of];
    case "blocks":
      return init.parts.flatMap(namedIn);
    case "formula":
      return init.steps.flatMap((step) => (step.kind === "apply" ? [] : namedIn(step)));
    default:
      return [];
  }
};

function checkInit(init: Init, shape: readonly number[], params: ReadonlyMap<string, Tensor>, at: string): void {
  const columns = shape.at(-1) ?? 1;
  const isEnd = (end: readonly number[]): boolean =>
    end.length <= shape.length && end.join() === shape.slice(shape.length - end.length).join();
  switch (init.kind) {
    case "blocks": {
      const width = columns / init.parts.length;
      must(Number.isInteger(width), at, "does not cut the columns in equal blocks");
      for (const part of init.parts) checkInit(part, [...shape.slice(0, -1), width], params, at);
      break;
    }
    case "lengths": {
      const of = params.get(init.of);
      must(of !== undefined && (of.shape.at(-1) ?? 1) === columns, `${at}.of`, "is no parameter with as many columns");
      break;
    }
    case "list":
      must(init.values.length === elementsOf(init.shape) && isEnd(init.shape), at, "has another shape");
      break;
    case "copy": {
      const of = params.get(init.of);
      must(of !== undefined && isEnd(of.shape), `${at}.of`, "is no parameter of this shape");
      break;
    }
    case "formula":
      init.steps.forEach((step, i) => {
        if (step.kind !== "apply") checkInit(step, shape, params, `${at}.steps[${i}]`);
        else {
          const isSound = step.of.length === initFunctions[step.op].length && step.of.every((place) => place < i);
          must(isSound, `${at}.steps[${i}].of`, "does not name the steps before it");
        }
      });
      break;
    default:
  }
}

/** Every texture that a kernel of the entry binds is one of the entry's, or a region. */
function checkTextures({ kernels }: Plan, { textures, commands }: Entry, path: string): void {
  const names = namesOf(textures ?? []);
  distinct(names, `${path}.textures`);
  const known = new Set<string>([...names, ...regionNames]);
  const started = new Set(commands.flatMap(kernelsOf));
  kernels.forEach(({ name, reads = [], writes = [] }, i) => {
    if (!started.has(name)) return;
    const bound = [...reads, ...writes].find(({ texture }) => !known.has(texture));
    must(bound === undefined, `kernels[${i}]`, `binds the texture ${bound?.texture}, which ${path} has not`);
  });
}

const kernelsOf = (command: Command): readonly string[] =>
  command.do === "dispatch" ? [command.kernel] : command.commands.flatMap(kernelsOf);

function checkCommands(commands: readonly Command[], entry: Entry, kernels: ReadonlySet<string>, path: string): void {
  commands.forEach((command, i) => {
    const at = `${path}[${i}]`;
    if (command.do === "dispatch") {
      must(kernels.has(command.kernel), `${at}.kernel`, "is not in the plan");
      must(
        command.grid.every(({ fixed, perStep }) => fixed + perStep > 0),
        `${at}.grid`,
        "has no workgroup",
      );
      return;
    }
    if (command.do === "segments")
      must(
        command.length === entry.regions.work.segment?.length,
        `${at}.length`,
        "is not that of the segments of work",
      );
    checkCommands(command.commands, entry, kernels, `${at}.commands`);
  });
}
