/** Whatever a cell calls its things and says in its comments, what is printed is Python that imports and runs. */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { expect, inject, it } from "vitest";
import { moduleName } from "../../../cli/export/python-modules.ts";
import { CompileError } from "../../../compiler/diagnostics/diagnostic.ts";
import { moduleForm } from "../../../compiler/module-form.ts";
import { type PytorchModule, pytorchModule } from "../../../targets/pytorch/module.ts";
import { compile } from "../../semantics/sources.ts";
import { runPython } from "./python.ts";

/** Python's words, what `nn.Module` has, what printed modules have, and names that differ only in what Python cannot write. */
const words =
  `False None True and as assert async await break class continue def del elif else except finally for from global if import in is
  lambda match nonlocal not or pass raise return try while with yield case type print self torch nn F T B Tensor List Optional Tuple
  Dict NamedTuple math json sys Path dist keep present state start has lengths values loss forward step steps momentum updates batches
  seen settled t now hs parameters buffers children modules train eval training to half float double cuda cpu apply state_dict
  register_buffer zero_grad extra_repr reset_parameters collect population moments record settle filled extend own last weight move
  before counted across process_group sync ranks root wide overlap reshape ramp rand randn State Population Module super abs min max
  len range zip enumerate x_t h_next h_2 a' a'' a_next a_next_2 _ _a __a__ __init__ __class__ __call__ __dict__ index count m v g k x h
  lengths_x has_x steps_of_x steps_of_main T_2 B_2 batch_mean convert_sync trained check read_tensors Callable Any`.split(
    /\s+/,
  );

/** Whether the language lets a parameter be called so. */
function isName(text: string): boolean {
  try {
    compile(`cell c(qd = 3) {\n param ${text} : [qd] = 1\n state qs : [qd] = 0\n qs' = qs * ${text}\n output qs'\n}`);
    return true;
  } catch {
    return false;
  }
}

const name = fc.oneof(
  fc.constantFrom(...words.filter(isName)),
  fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,8}'{0,2}$/).filter(isName),
);

/** Text of comments: what could end a docstring, or what editors and Python's reader fold. */
const comment = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '"""',
        '"',
        "'''",
        "\\",
        '\\"',
        "\\N{DASH}",
        "\\u12",
        "{}",
        "#",
        "\u2028",
        "\u0085",
        "\u0000",
        "\u001b",
        "\t",
        "α",
      ),
      fc.string({ unit: "binary", maxLength: 6 }),
    ),
    { maxLength: 6 },
  )
  .map((parts) => parts.join("").replace(/[\n\r]/g, " "));

interface Names {
  readonly cell: string;
  readonly names: readonly string[];
  readonly comment: string;
}

const cellText = ({ cell, names: [D, H, W, V, b, x, h, xh, hh, g], comment: said }: Names): string => `//${said}
cell ${cell}(${D} = 3, ${H} = 4) { //${said}
  param ${W} : [${D}, ${H}] = xavier
  param ${V} : [${H}, ${H}] = orthogonal
  param ${b} : [${H}] = 0.1
  input ${x} : [${D}]
  state ${h} : [${H}] = 0
  site ${xh} = ${x} @ ${W}
  site ${hh} = ${h} @ ${V}
  ${g} = ${xh} + ${hh} + ${b}
  ${h}' = tanh(${g}) / ${H}
  output ${h}'
  place ${xh} : batch
  place ${hh} : batch(stats = shared)
} //${said}
`;

const modelText = ({ cell, names, comment: said }: Names): string => {
  const [, , , , , , , , , , m, x, y, enc, out, V, metric, src, axis] = names;
  return `${cellText({ cell, names, comment: said })}model ${m}(D = 3, H = 4) {
  param ${V} : [H, 1] = xavier
  input ${x} : [D] over time
  input ${src} : [D] over time ${axis}
  target ${y} : [1]
  ${enc} = scan ${cell}(D, H) over ${x}
  more = scan ${cell}(D, H) over ${src}
  ${out} = (last(${enc}) + last(more)) @ ${V}
  output ${out}
  metric ${metric} = mean(square(${out} - ${y}), over feature)
  loss mse(${out}, ${y})
}
`;
};

const named: fc.Arbitrary<Names> = fc.record({
  cell: name,
  names: fc.uniqueArray(name, { minLength: 19, maxLength: 19 }),
  comment,
});

interface Printed extends PytorchModule {
  readonly isModel: boolean;
  readonly file: string;
}

/** Undefined for a name that the language has for itself. */
function printed(names: Names, isModel: boolean, distributed: boolean): Printed | undefined {
  const text = (isModel ? modelText : cellText)(names);
  try {
    const { graph, dims } = compile(text, { entry: isModel ? names.names[10] : names.cell });
    const about = {
      about: [names.comment],
      source: text,
      dims,
      steps: 5,
      momentum: 0.1,
      isCell: !isModel,
      distributed,
    };
    const made = pytorchModule(moduleForm(graph), about);
    return { ...made, isModel, file: moduleName(graph.name) };
  } catch (error) {
    if (error instanceof CompileError) return undefined;
    throw error;
  }
}

/** Runs each module of a folder: a step of training of what it computes, an evaluation, and TorchScript. */
const RUN = `
import importlib.util, json, sys, torch
from pathlib import Path
folder = Path(sys.argv[1])
own = set(dir(torch.nn.Module()))
for case in json.loads((folder / "cases.json").read_text()):
    try:
        spec = importlib.util.spec_from_file_location(case["unique"], folder / case["path"])
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        net = getattr(module, case["class"])(**{d: n for d, n in case["dims"]})
        for part in net.modules():
            taken = set(dir(type(part))) & (set(part._parameters) | set(part._buffers) | set(part._modules))
            assert not taken, taken
            assert not own & (set(part._parameters) | set(part._buffers) | set(part._modules))
        args = [torch.randn(4, 5, 3) for _ in case["forward"]]
        net(*args)
        if case["isModel"]:
            loss, metrics = net.loss(*args, torch.randn(4, 1)) if case["targetLast"] else (None, None)
        net.eval()(*args)
        if case["scripts"]:
            torch.jit.script(net)(*args)
        names = [name for name, _ in net.named_parameters()] + [name for name, _ in net.named_buffers()]
        assert sorted(set(names)) == sorted(set(case["paths"])), (names, case["paths"])
    except Exception as error:
        print(case["path"], type(error).__name__, error)
        raise
print("ran")
`;

it("whatever things are called, the module imports, trains, evaluates and scripts", () => {
  const folder = mkdtempSync(join(inject("scratch"), "names-"));
  writeFileSync(join(folder, "run.py"), RUN);
  const cases: object[] = [];
  let tried = 0;
  fc.assert(
    fc.property(named, fc.boolean(), fc.boolean(), (names, isModel, distributed) => {
      tried++;
      const made = printed(names, isModel, distributed);
      if (made === undefined) return;
      // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what they are
      expect(made.text.match(/[\u0000-\u0008\u000b-\u001f\u0085\u2028\u2029]/)).toBeNull();
      const path = join(`${cases.length}`, `${made.file}.py`);
      mkdirSync(join(folder, String(cases.length)));
      writeFileSync(join(folder, path), made.text);
      cases.push({
        path,
        unique: `printed_${cases.length}`,
        class: made.className,
        dims: [...made.dims.values()].map((d, i) => [d, i + 3]),
        forward: made.forwardInputs,
        isModel,
        scripts: !distributed && cases.length % 8 === 0,
        targetLast: [...made.inputs.keys()].at(-1) === names.names[12],
        paths: [
          ...[...made.paths.values()].map((path) => path.join(".")),
          ...made.statistics.map(({ batches }) => batches),
          ...made.updates,
        ],
      });
    }),
    { seed: 5, numRuns: 50 },
  );
  writeFileSync(join(folder, "cases.json"), JSON.stringify(cases));
  expect(cases.length).toBeGreaterThan(tried / 4);
  expect(runPython([join(folder, "run.py"), folder])).toBe("ran\n");
});
