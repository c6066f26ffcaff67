/** A loop over the steps: an op for recurrent layers if it is one, else Scan with the cell as its body. */
import { scalar } from "../../../compiler/ir/type.ts";
import type { Block as Body, Op, OpOf, Type, Value } from "../../../compiler/ir/types.ts";
import { Block, neededNodes, type OnnxTensor } from "../block.ts";
import type { Printer } from "../printer.ts";
import { type Element, type GraphProto, valueInfo } from "../proto.ts";
import { nativeLoop } from "./native.ts";
import { recognise } from "./recognise.ts";

/** Writes a scan, and reports what it became. Returns its final states and what it gives at each step. `printOps` writes a body. */
export function loop(
  p: Printer,
  scan: OpOf<"scan">,
  printOps: (p: Printer, ops: readonly Op[]) => void,
): readonly OnnxTensor[] {
  const found = p.recognise ? recognise(p, scan) : { why: "all loops are to be Scans" };
  const { params } = scan.body as Body;
  const states = params.slice(0, scan.attrs.states).map(({ name }) => name);
  if ("op" in found) {
    p.loops.push({ states, op: found.op, perStep: [] });
    return nativeLoop(p, scan, found);
  }
  p.loops.push({ states, op: "Scan", why: found.why, perStep: sitesPerStep(p, scan) });
  return scanLoop(p, scan, printOps);
}

/** The sites of the norms whose rows a loop reads step by step. */
function sitesPerStep(p: Printer, scan: OpOf<"scan">): readonly string[] {
  const sites = new Set<string>();
  const visit = (v: Value): void => {
    const op = p.defines.get(v);
    if (op === undefined || p.fixed.get(v)?.kind !== "stepwise") return;
    if (op.op === "leaf") sites.add(op.attrs.leaf.name.replace(/\/[^/]*$/, ""));
    op.operands.forEach(visit);
  };
  scan.operands.slice(scan.attrs.states).forEach(visit);
  return [...sites].sort();
}

/** Steps are the first axis of what goes in and comes out; values of the blocks around it are read by name. */
function scanLoop(
  p: Printer,
  scan: OpOf<"scan">,
  printOps: (p: Printer, ops: readonly Op[]) => void,
): readonly OnnxTensor[] {
  const body = scan.body as Body;
  const { states, reverse } = scan.attrs;
  const given = scan.operands.map((v, i) => (i < states ? p.num(v) : p.of(v)));
  // A Scan has as many steps as its inputs: a loop that reads none is given the numbers of the steps.
  const operands = given.length > states ? given : [...given, p.steps()];
  const { graph, elements } = bodyOf(p, scan, body, operands, printOps);
  const inputs = operands.length - states;
  const directions = (n: number) => ({ ints: Array<number>(n).fill(1) });
  return p.block.add("Scan", operands, elements, {
    attributes: {
      body: { g: graph },
      num_scan_inputs: { i: inputs },
      ...(reverse && {
        scan_input_directions: directions(inputs),
        scan_output_directions: directions(elements.length - states),
      }),
    },
    hint: scan.results[0]?.name,
  });
}

function bodyOf(
  p: Printer,
  scan: OpOf<"scan">,
  { params, ops, results }: Body,
  operands: readonly OnnxTensor[],
  printOps: (p: Printer, ops: readonly Op[]) => void,
): { readonly graph: GraphProto; readonly elements: readonly Element[] } {
  const { states } = scan.attrs;
  const inner = new Block(p.block);
  const given = operands.map(({ element }, i): OnnxTensor => {
    const v = params.at(i);
    const tensor = { name: inner.names.unique(v?.name || "step_input"), element, block: inner };
    if (v !== undefined) p.place(v, tensor);
    return tensor;
  });
  return p.within(inner, () => {
    printOps(p, ops);
    const made = results.map((v, i) => yielded(p, inner, v, i < states));
    const names = made.map(({ name }) => name);
    const info = (tensor: OnnxTensor, { type }: { readonly type: Type }) =>
      valueInfo(tensor.name, tensor.element, p.declared({ ...type, time: false }));
    return {
      elements: made.map(({ element }) => element),
      graph: {
        name: p.root.names.unique("step"),
        node: neededNodes(inner.nodes, names).nodes,
        initializer: [],
        input: given.map((tensor, i) => info(tensor, params[i] ?? { type: scalar })),
        output: made.map((tensor, i) => info(tensor, results[i])),
      },
    };
  });
}

/** A result of a body is a value of its own: neither one that the body is given, nor one of another block, nor twice the same. */
function yielded(p: Printer, inner: Block, v: Value, isState: boolean): OnnxTensor {
  const tensor = isState || v.type.dtype === "f32" ? p.num(v) : p.of(v);
  return inner.add("Identity", [tensor], [tensor.element], { hint: v.name || "out" })[0];
}
