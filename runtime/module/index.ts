/**
 * `cellc/runtime/module`: what a typed module imports. It leads to nothing that such a module does not use, so that a bundle is small
 * whatever the bundler makes of the rest.
 */
export { drawNoise } from "../draw-noise.ts";
export { ragged } from "../lengths.ts";
export type { Code, Plan } from "../plan.ts";
export { wasmModuleBackend } from "../wasm/wasm.ts";
export { shadows } from "../webgl2/shadows.ts";
export { noSoftware } from "../webgl2/software.ts";
export { webgl2ModuleBackend } from "../webgl2/webgl2.ts";
export { webgpuModuleBackend } from "../webgpu/webgpu.ts";
export { type Hot, hotModule } from "./hot-module.ts";
export type { InferenceModel } from "./inference-model.ts";
export type { Model, ModelInference } from "./model.ts";
export { inferenceStream, type ModelStream, type OfSome, type StreamArguments } from "./model-stream.ts";
export {
  type InferenceModule,
  type InferenceParts,
  inferenceModule,
  type ModuleKernels,
  type ModuleParts,
  type OpenOptions,
} from "./module.ts";
export { type ShapedTensor, tensor } from "./shaped-tensor.ts";
export type { InferenceBatch, Signature, TrainingBatch, Weights } from "./signature.ts";
export type { ModelEvaluation, ModelReport, TrainingModel } from "./training-model.ts";
export { type TrainingModule, trainingModule } from "./training-module.ts";
export { bytesOf, wasmCodeOf } from "./wasm-code.ts";
