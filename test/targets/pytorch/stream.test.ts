/** Streams and sequences in parts: T calls of `step`, and calls of `forward` with the state before, are one call of `forward`. */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, inject, it } from "vitest";
import { fileHost } from "../../../cli/api/file-host.ts";
import { smallDims } from "../../../cli/small-dims.ts";
import { moduleForm } from "../../../compiler/module-form.ts";
import { elaborate } from "../../../compiler/semantics/elaborate.ts";
import { parsePlacements } from "../../../compiler/semantics/placements.ts";
import { pytorchModule } from "../../../targets/pytorch/module.ts";
import { runPython } from "./python.ts";

const cases = [
  ["cells/lstm", "lstm", ""],
  ["cells/bnlstm", "bnlstm", ""],
  ["cells/gru", "gru_after", "hh=batch_renorm,xh=batch"],
  ["cells/gru", "gru_after", "hh=atn(k = 3)"],
  ["cells/ligru", "sligru", ""],
  ["start/classify", "classify", ""],
] as const;

const SCRIPT = `
import importlib.util, sys, torch
from pathlib import Path

STEPS = 6

def close(a, b):
    assert float((a - b).abs().max()) < 1e-12, float((a - b).abs().max())

for path in sys.argv[1:]:
    name = Path(path).stem
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    torch.manual_seed(0)
    net = [v for v in vars(module).values() if isinstance(v, type) and issubclass(v, torch.nn.Module) and hasattr(v, "step")][0]
    net = net().double()
    x = torch.randn(4, STEPS, net.D, dtype=torch.float64)
    net.train()
    for _ in range(3):
        net(x + 0.1 * torch.randn_like(x))
    if name.startswith("bnlstm"):
        # A sequence in parts: each part counts at its own rows.
        other = type(net)().double()
        whole, parts = type(net)().double(), other
        parts.load_state_dict(whole.state_dict())
        whole(x)
        _, state = parts(x[:, :2])
        parts(x[:, 2:], state)
        for key, value in whole.state_dict().items():
            close(value, parts.state_dict()[key])
        # A batch of one example has no variance.
        before = {key: value.clone() for key, value in whole.state_dict().items()}
        whole(x[:1])
        for key, value in whole.state_dict().items():
            close(value, before[key])
        try:
            whole(torch.cat([x, x], 1))
            raise AssertionError("longer sequences than statistics are kept for were counted")
        except ValueError as error:
            assert "12 steps" in str(error) and "steps=6" in str(error), error
    net.eval()
    with torch.no_grad():
        # Also beyond the steps that statistics are kept for.
        x = torch.randn(4, STEPS + 3, net.D, dtype=torch.float64)
        y, end = net(x)
        state, ys = None, []
        for t in range(x.shape[1]):
            y_t, state = net.step(x[:, t], state)
            ys.append(y_t)
        last = y[:, -1] if y.dim() == 3 else y
        close(ys[-1], last)
        if y.dim() == 3:
            close(torch.stack(ys, 1), y)
        for a, b in zip(state, end):
            assert a == b if isinstance(a, int) else close(a, b) is None
        first, state = net(x[:, :4])
        second, state = net(x[:, 4:], state)
        close(torch.cat([first, second], 1) if y.dim() == 3 else second, y)
        lengths = torch.tensor([9, 4, 6, 1])
        y, _ = net(x, lengths=lengths)
        for b, n in enumerate(lengths.tolist()):
            alone, _ = net(x[b : b + 1, :n])
            close(y[b, :n] if y.dim() == 3 else y[b], alone[0])
print("ran")
`;

it("a sequence step by step, in parts, and beside longer ones is the sequence by itself", () => {
  const folder = mkdtempSync(join(inject("scratch"), "stream-"));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "run.py"), SCRIPT);
  const files = cases.map(([file, entry, place], i) => {
    const path = `examples/${file}.cell`;
    const { dims: chosen } = smallDims(path, fileHost, { entry });
    const { graph, dims } = elaborate(path, fileHost, {
      entry,
      dims: chosen,
      place: place ? parsePlacements(place) : [],
    });
    const isCell = !file.startsWith("start");
    const about = { about: [], source: "", dims, steps: 6, momentum: 0.1, isCell };
    const at = join(folder, `${entry}_${i}.py`);
    writeFileSync(at, pytorchModule(moduleForm(graph), about).text);
    return at;
  });
  expect(runPython([join(folder, "run.py"), ...files])).toBe("ran\n");
});
