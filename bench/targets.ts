/** This compiler's targets as contenders: which are timed, and whether what they run on here is worth timing. */
import { type plainTargets, targets } from "../cli/targets.ts";
import type { Target } from "../compiler/target.ts";
import type { Backend } from "../runtime/backend.ts";

export type TimedTarget = (typeof plainTargets)[number];

export interface Opened {
  readonly target: Target;
  readonly backend: Backend;
  readonly facts: Readonly<Record<string, string>>;
}

/** Throws with the reason where a target has nothing to run on, or nothing that would be worth timing. */
export async function openTarget(name: TimedTarget, threads: number): Promise<Opened> {
  const row = targets[name];
  const device = await row.device(threads);
  if (device.adapter !== undefined && isProcessor(device.adapter))
    throw new Error(`there is no GPU: the WebGPU adapter is a processor (${device.name})`);
  const backend = await row.open({ threads });
  if (backend.threads !== undefined && backend.threads < threads)
    throw new Error("memory cannot be shared between threads here");
  const runsOn: Opened["facts"] =
    backend.threads === undefined ? { device: device.name } : { threads: String(backend.threads) };
  return { target: await row.load(), backend, facts: { ...runsOn, ...(await row.facts()) } };
}

/** Vulkan drivers that compute on the processor: Google's, and Mesa's under its names then and now. */
const processorDrivers = /swiftshader|llvmpipe|lavapipe|softpipe/i;

/** Whether an adapter is no GPU, so that its times would say nothing about one. */
export function isProcessor(info: Pick<GPUAdapterInfo, "architecture" | "description" | "device" | "vendor">): boolean {
  return [info.vendor, info.architecture, info.device, info.description].some((word) => processorDrivers.test(word));
}
