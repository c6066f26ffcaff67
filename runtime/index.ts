/** `cellc/runtime`: everything an application needs to run what the compiler produced. Nothing here needs Node. */
export type { Backend, LoadedExecutable, LoadedExecutable as Machine, Timing } from "./backend.ts";
export type { Batch, Mask, NoiseMode } from "./batch.ts";
export type { CarriedState } from "./carrier.ts";
export { carrying } from "./carriers.ts";
export { decodeCheckpoint, encodeCheckpoint } from "./checkpoint.ts";
export { type BackendName, type BackendOptions, type ChosenBackend, openBackend } from "./choose-backend.ts";
export { RuntimeError, type RuntimeErrorCode } from "./error.ts";
export {
  type Callback,
  type FitEnding,
  type FitEpoch,
  type FitEvaluation,
  type FitOptions,
  type FitStep,
  type Fitted,
  fit,
  type Trainee,
} from "./fit/fit.ts";
export type { Criterion, Evaluated } from "./fit/progress.ts";
export { type ScheduleChoice, type ScheduleName, scheduleNames } from "./fit/schedules.ts";
export type { TrainingWarning } from "./fit/watch.ts";
export { initialise } from "./initialise.ts";
export type { Input, Numbers, Shaped, TypedNumbers } from "./inputs.ts";
export type { Range } from "./layout.ts";
export { keepStates } from "./missing-readings.ts";
export { type ShapedTensor, tensor } from "./module/shaped-tensor.ts";
export { openExecutable, openSession } from "./open-executable.ts";
export type { OpenExecutableOptions, OpenedExecutable, OpenSessionOptions } from "./open-folder.ts";
export type {
  Alone,
  Code,
  Command,
  Entry,
  EntryName,
  Executable,
  Extent,
  Feature,
  HostRegion,
  Identity,
  Init,
  KernelInfo,
  Mark,
  Noise,
  Over,
  Plan,
  Region,
  RegionName,
  Role,
  Tensor,
} from "./plan.ts";
export { childKey, type Key, keyOf, normalAt, permutation, uniformAt } from "./random.ts";
export { decodeSafetensors, encodeSafetensors, type SafeTensors } from "./safetensors.ts";
export { Session } from "./session.ts";
export type {
  Batches,
  CarryOptions,
  CarryPurpose,
  EstimateOptions,
  Evaluation,
  Inference,
  InferOptions,
  SessionInferOptions,
  SessionOptions,
  StatisticsMode,
  StreamOptions,
  StreamResetOptions,
  StreamRestoreOptions,
  TrainOptions,
  TrainReport,
  WithCarry,
} from "./session-types.ts";
export type { Counters, RestoreOptions, SavedCarry, SavedTensor, SessionState } from "./state.ts";
export type { Stream, StreamState } from "./stream.ts";
export type { Simd } from "./wasm/module.ts";
export type { Costs } from "./wasm/thread-schedule.ts";
export { type WasmBackend, type WasmOptions, wasmBackend } from "./wasm/wasm.ts";
export { type WebglOptions, webgl2Backend } from "./webgl2/webgl2.ts";
export { type WebgpuOptions, webgpuBackend } from "./webgpu/webgpu.ts";
