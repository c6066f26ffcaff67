import { messageOf, RuntimeError } from "../error.ts";
import { findAdapter, type Graphics } from "./adapter.ts";
import type { Wait } from "./wait.ts";

/** Requested as large as the adapter has them; all other limits stay at WebGPU's defaults, which every device has. */
const wantedLimits = [
  "maxStorageBufferBindingSize",
  "maxBufferSize",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  // For this one, smaller is better.
  "minUniformBufferOffsetAlignment",
] as const;

/** Requested if the adapter has them. */
const wantedFeatures: readonly GPUFeatureName[] = ["timestamp-query", "subgroups"];

/** Keeps Dawn's root objects alive until their devices are closed. */
const alive = new Set<Graphics>();

/** A device whose errors are never lost: once it has failed, it refuses every later call. */
export interface WatchedDevice {
  readonly device: GPUDevice;
  readonly wait: Wait;
  /** Does something, and rejects if the device reports an error, or has failed before. */
  check<R>(act: () => R): Promise<R>;
  /** Does something without waiting. If the device reports an error, every later call rejects with it. */
  start(act: () => void): void;
  /** Waits until everything started has been validated, and throws the device's failure if it has one. */
  settle(): Promise<void>;
  /** Destroys the device. */
  close(): void;
}

/** `software`: whether the adapter may be one on the processor. Errors: C0503 (no adapter), C0504 (in Node: no package `webgpu`). */
export async function openDevice(software: boolean): Promise<WatchedDevice> {
  const graphics = await findAdapter();
  const { limits, features, info } = graphics.adapter;
  if (info.isFallbackAdapter && !software) {
    const kind = info.architecture || info.description || "unnamed";
    throw new RuntimeError("C0503", `the only adapter is a program on the processor (${kind})`);
  }
  const requiredLimits = Object.fromEntries(wantedLimits.map((name) => [name, limits[name]]));
  const requiredFeatures = wantedFeatures.filter((name) => features.has(name));
  const device = await graphics.adapter
    .requestDevice({ label: "cellc", requiredLimits, requiredFeatures })
    .catch((thrown: unknown) => {
      throw new RuntimeError("C0503", `the GPU adapter gives no device: ${messageOf(thrown)}`, "reload, or restart it");
    });
  alive.add(graphics);

  let failure: RuntimeError | undefined;
  let verdict: Promise<void> = Promise.resolve();
  const fail = (error: RuntimeError): void => {
    failure ??= error;
  };
  const refuse = (): void => {
    if (failure !== undefined) throw failure;
  };
  const scoped = <R>(act: () => R): { result: R; error: Promise<GPUError | null> } => {
    device.pushErrorScope("validation");
    device.pushErrorScope("out-of-memory");
    try {
      const result = act();
      return { result, error: pop() };
    } catch (thrown) {
      void pop();
      throw thrown;
    }
  };
  const pop = async (): Promise<GPUError | null> => {
    const [memory, validation] = await Promise.all([device.popErrorScope(), device.popErrorScope()]);
    return memory ?? validation;
  };

  device.addEventListener("uncapturederror", ({ error }) => fail(failureOf(error)));
  void device.lost.then(({ reason, message }) => {
    fail(
      reason === "destroyed"
        ? new RuntimeError("C0503", "the GPU device is closed")
        : new RuntimeError(
            "C0503",
            `the GPU device was lost: ${message}`,
            "open the session again and resume from a checkpoint",
          ),
    );
  });

  return {
    device,
    wait: graphics.wait,
    async check(act) {
      refuse();
      const { result, error } = scoped(act);
      const found = await error;
      if (found !== null) throw failureOf(found);
      refuse();
      return result;
    },
    start(act) {
      refuse();
      const { error } = scoped(act);
      const earlier = verdict;
      verdict = Promise.all([earlier, error]).then(([, found]) => {
        if (found !== null) fail(failureOf(found));
      });
    },
    async settle() {
      await verdict;
      refuse();
    },
    close() {
      device.destroy();
      alive.delete(graphics);
    },
  };
}

function failureOf(error: GPUError): RuntimeError {
  return error instanceof GPUOutOfMemoryError
    ? new RuntimeError(
        "C0505",
        `the GPU is out of memory: ${error.message}`,
        "use a smaller batch or shorter sequences",
      )
    : new RuntimeError("C0506", `the GPU refused a command: ${error.message}`);
}
