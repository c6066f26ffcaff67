/**
 * How fast is what `cellc export --to pytorch` writes, beside our own kernels and what people write by hand? Run
 * `npx tsx bench/pytorch.ts [ROUNDS]` where /usr/bin/python3 has PyTorch: sequential MNIST pixel by pixel, trained and at inference, in
 * turn. Results go to `results/pytorch.json`.
 */
import { fileURLToPath } from "node:url";
import { positiveWholeNumber } from "../cli/options.ts";
import { besideOurs } from "./beside-ours.ts";
import type { Workload } from "./workloads.ts";

const RESULT = fileURLToPath(new URL("results/pytorch.json", import.meta.url));

const pixels = { H: 100, T: 784, D: 1 };
const workloads: readonly Workload[] = [
  { name: "pixels-train", about: "training, MNIST pixel by pixel, 32 examples", kind: "train", B: 32, ...pixels },
  { name: "pixels", about: "inference, MNIST pixel by pixel, one example", kind: "sequence", B: 1, ...pixels },
  { name: "pixels-32", about: "inference, MNIST pixel by pixel, 32 examples", kind: "sequence", B: 32, ...pixels },
];

await besideOurs(RESULT, {
  peers: ["torch"],
  workloads,
  repeats: positiveWholeNumber(process.argv[2] ?? "9"),
  budget: 900,
});
