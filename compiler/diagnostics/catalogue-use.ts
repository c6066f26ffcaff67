/** C03xx options, C04xx data and checkpoints, C05xx running, W06xx warnings. */
import type { Message } from "./message.ts";

export const useMessages = {
  C0301: {
    title: "unknown option value",
    explanation:
      "The command line cannot be read: an option does not have this value, or there is no option or command of this name. The message says what can be given.",
    example: "cellc compile net.cell --target wgls",
    fix: "cellc compile net.cell --target wgsl",
  },
  C0302: {
    title: "unknown dimension",
    explanation: "--dims names a dimension that the cell or model does not have, or gives it no whole number.",
    example: "cellc compile lstm.cell --dims hidden=100",
    fix: "cellc compile lstm.cell --dims H=100",
  },
  C0303: {
    title: "nothing to compile",
    explanation:
      "The file has no cell or model of the name asked for, or none at all, or several and none was chosen. The message lists what is there.",
    example: "cellc compile gru.cell --cell gru",
    fix: "cellc compile gru.cell --cell gru_after",
  },
  C0304: {
    title: "the target cannot run this",
    explanation:
      "The program needs more than the target allows: workgroup memory, bindings, buffer size, threads, or an operation it does not have. The message names the limit.",
    example: "cellc compile net.cell --target glsl --dims H=8192",
    fix: "Choose another target (wasm has no such limits), a smaller size, or another schedule.",
  },
  C0305: {
    title: "derivative not available",
    explanation:
      "The gradient check or the backward pass was asked for something without a derivative: an index, a metric, a model without loss, or a parameter that does not exist.",
    example: "the derivative of the loss by y, where y is `target y : index(K)`",
    fix: "the derivative by a parameter, or by an input of numbers",
  },
  C0401: {
    title: "file not found",
    explanation: "There is no file at this path, or it cannot be read. Relative paths start at the current directory.",
    example: "cellc compile lstm.cel",
    fix: "cellc compile examples/lstm.cell",
  },
  C0402: {
    title: "damaged data file",
    explanation:
      "The file is not what its name says: its first bytes are wrong, it is shorter than its header promises, or its sizes contradict each other. Usually a download was cut off.",
    example: "train-images-idx3-ubyte ends after 1,000,000 of 47,040,016 bytes",
    fix: "Delete the file and fetch it again.",
  },
  C0403: {
    title: "checkpoint of another model",
    explanation:
      "A checkpoint carries the fingerprint of the model it was saved from. This one has other parameters, shapes or statistics, so loading it would give numbers without meaning. The message lists the differences.",
    example: "a checkpoint saved with H = 200, loaded into a model compiled with H = 100",
    fix: "compile the model with --dims H=200",
  },
  C0404: {
    title: "damaged checkpoint",
    explanation:
      "The file is not a complete safetensors file: its header cannot be read, or tensors reach beyond its end. Checkpoints are written to a new file and renamed, so an interrupted run does not cause this; an interrupted copy does.",
    example: "model.safetensors ends in the middle of Wh",
    fix: "Copy it again, or go back to an earlier checkpoint.",
  },
  C0405: {
    title: "data set not found",
    explanation: "The data set is not in any of the folders that were searched. The message lists them.",
    example: "training on `mnist`, which is nowhere on this machine",
    fix: "Put the files in one of the folders the message lists, or say where they are.",
  },
  C0406: {
    title: "data set does not fit the model",
    explanation:
      "The inputs and targets of the model and the columns of the data set differ in name, size or kind. A model that reads pixels one by one has D = 1, row by row D = 28.",
    example: "model m(D = 3, …) { input x : [D] over time … }   // data has 1 value a step",
    fix: "compile the model with --dims D=1",
  },
  C0407: {
    title: "download failed",
    explanation:
      "The file could not be fetched, or what came has another checksum than expected and was thrown away. Nothing was kept.",
    example: "train-images-idx3-ubyte.gz: the checksum differs",
    fix: "Try again, or put the files in the data folder by hand; the message names it.",
  },
  C0408: {
    title: "folder of another run",
    explanation:
      "A run keeps its curve, its checkpoint and its options in one folder. This one holds a run already, or none that could go on, or one of another model, task, batch or seed.",
    example: "cellc train net.cell --task digits --out runs/a, where runs/a holds a run",
    fix: "--resume to go on with it, or another --out",
  },
  C0409: {
    title: "file cannot be written",
    explanation:
      "The system refused to write: the folder is a file, it may not be written to, or the disk is full. What stood there before is unharmed, because files are written beside and renamed.",
    example: "cellc compile net.cell --out notes.txt",
    fix: "cellc compile net.cell --out build",
  },
  C0501: {
    title: "inference without population statistics",
    explanation:
      "A norm with a stat normalizes with the batch's own statistics in training and with the population's at inference. This checkpoint has no population statistics yet: it was never trained, or they were never estimated.",
    example: "inference with bnlstm.cell right after its parameters were initialised",
    fix: "Train it, or estimate the statistics by a pass over training data, and save the checkpoint again.",
  },
  C0502: {
    title: "loss is not finite",
    explanation:
      "The loss became infinite or NaN, so training stopped before the parameters were spoiled; the last good checkpoint is kept. Usual causes: a learning rate too high, gradients that explode (clip them), or variances of zero behind a batch norm at the first steps, whose derivative is about γ/√ε large.",
    example: "a learning rate of 1 without clipping",
    fix: "a learning rate of 1e-3, gradients clipped to norm 1, and `state h : [H] = noise(0.1)`",
  },
  C0503: {
    title: "no WebGPU adapter",
    explanation:
      "This machine, or this browser, offers no GPU through WebGPU: there is none, its driver is missing, or it is blocked.",
    example: "--target wgsl on a machine without a GPU",
    fix: "--target wasm, which runs anywhere",
  },
  C0504: {
    title: "optional package missing",
    explanation: "This needs a package that is not installed by default, because most uses do not need it.",
    example: "--target wgsl in Node, where WebGPU is the package webgpu",
    fix: "npm install webgpu",
  },
  C0505: {
    title: "sequence too long for the device's memory",
    explanation:
      "The backward pass needs values of every step; for this length and batch they are more than the device's memory.",
    example: "training on sequences of 100,000 steps",
    fix: "A shorter length, a smaller batch, or --memory 1GB: values are then computed again instead of kept.",
  },
  C0506: {
    title: "kernel failed to compile in the device",
    explanation:
      "The device's driver refused a kernel that this compiler made. That is a mistake of the compiler or the driver, not of the cell. The message holds what the driver said.",
    example: "createShaderModule: unresolved value …",
    fix: "Report it, with the cell and the name of the device; --target wasm works meanwhile.",
  },
  W0601: {
    title: "unused name",
    explanation: "Nothing uses this value, so it is not computed. A parameter nothing uses is not trained.",
    example: "z = h @ Wz\nh' = tanh(a)",
    fix: "h' = z * tanh(a)   // or remove z",
  },
  W0602: {
    title: "parameter without effect",
    explanation:
      "What this parameter adds is the same for all examples, and the batch mean behind it takes it away again: its gradient is exactly zero. The norm's own shift β has its place.",
    example: "site hh = h @ Wh + b\nplace hh : batch",
    fix: "site hh = h @ Wh\nplace hh : batch   // and b added after the site",
  },
  W0603: {
    title: "batch of one in training",
    explanation:
      "Statistics over a batch of one example are the example itself: the mean is its value and the variance zero, so the norm returns β whatever comes in, and nothing is learned.",
    example: "training bnlstm with batches of 1",
    fix: "batches of 32 or more, or --place hh=layer,xh=layer,cc=layer",
  },
  W0604: {
    title: "variance collapsed",
    explanation:
      "At some step all examples have the same value at this site: identical initial states, or inputs that are still constant (the first hundred pixels of MNIST). The forward pass is fine, but gradients are multiplied by about γ/√ε per site and step. Cooijmans et al. start from a noisy state.",
    example: "state h : [H] = 0",
    fix: "state h : [H] = noise(0.1)",
  },
} as const satisfies Record<string, Message>;
