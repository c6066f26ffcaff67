/** This compiler's targets as contenders: which are timed, and whether their device is worth timing. */
import { type plainTargets, targets } from "../cli/targets.ts";
import type { Target } from "../compiler/target.ts";
import type { Backend } from "../runtime/backend.ts";

export type TimedTarget = (typeof plainTargets)[number];

export interface Opened {
  readonly target: Target;
  readonly backend: Backend;
  readonly facts: Readonly<Record<string, string>>;
}

/** Throws, with the reason, if a target has no device, or none that is worth timing. */
export async function openTarget(name: TimedTarget, threads: number): Promise<Opened> {
  const row = targets[name];
  const device = await row.device(threads);
  if (device.adapter !== undefined) refuseProcessor(device.adapter, device.name);
  const backend = await row.open({ threads });
  if (backend.threads !== undefined && backend.threads < threads)
    throw new Error("memory cannot be shared between threads here");
  const runsOn: Opened["facts"] =
    backend.threads === undefined ? { device: device.name } : { threads: String(backend.threads) };
  return { target: await row.load(), backend, facts: { ...runsOn, ...(await row.facts()) } };
}

type AdapterWords = Pick<GPUAdapterInfo, "architecture" | "description" | "device" | "vendor">;

/** Throws if an adapter is a CPU. */
export function refuseProcessor(info: AdapterWords, name: string): void {
  if (isProcessor(info)) throw new Error(`there is no GPU: the WebGPU adapter is a processor (${name})`);
}

/** Vulkan drivers that run on the CPU: Google's, and Mesa's under its old and new names. */
const processorDrivers = /swiftshader|llvmpipe|lavapipe|softpipe/i;

/** Whether an adapter is a CPU, whose times would say nothing about a GPU. */
export function isProcessor(info: AdapterWords): boolean {
  return [info.vendor, info.architecture, info.device, info.description].some((word) => processorDrivers.test(word));
}
