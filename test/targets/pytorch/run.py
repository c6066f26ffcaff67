#!/usr/bin/env python3
"""Runs printed modules on given numbers: python3 run.py FOLDER…

A folder has the module and a case, and gets a result, or an error. A case says

    class, sizes       what to construct, with which arguments
    tensors            parameters, by the names of the state_dict: {"shape", "data"}
    lr                 of plain gradient descent
    steps              for each training step: inputs by argument, lengths by argument, noise in the order in which it is drawn,
                       and for a cell the cotangents of its outputs; a sequence is [time, batch, …]
    evaluation         the same for evaluation
    script             whether `torch.jit.script` must give the same outputs
    dtype              float64 or float32
"""

import importlib.util
import json
import sys
import traceback
from pathlib import Path

import torch

torch.set_num_threads(1)


def tensor(x, dtype):
    return torch.tensor(x["data"], dtype=torch.float64).reshape(x["shape"]).to(torch.long if x.get("index") else dtype)


def plain(x):
    return x.detach().double().reshape(-1).tolist()


class Draws:
    """Replaces what a module draws by given numbers."""

    def __init__(self, module, noise):
        self.noise = list(noise)
        for name in ("bernoulli", "randn", "rand"):
            if hasattr(module, name):
                setattr(module, name, getattr(self, name))

    def next(self, shape, like):
        return self.noise.pop(0).to(like.dtype).reshape(shape)

    def bernoulli(self, keep, shape, training, like):
        return self.next(shape, like) if training else torch.full(shape, keep, dtype=like.dtype)

    def randn(self, scale, shape, training, like):
        return self.next(shape, like) if training else torch.zeros(shape, dtype=like.dtype)

    def rand(self, scale, shape, training, like):
        return self.next(shape, like) if training else torch.full(shape, scale / 2, dtype=like.dtype)


def arguments(given, dtype):
    first = lambda x: tensor(x, dtype).transpose(0, 1) if x["time"] else tensor(x, dtype)
    args = {name: first(x) for name, x in given["inputs"].items()}
    args.update({name: torch.tensor(n) for name, n in given.get("lengths", {}).items()})
    return args


def outputs_of(case, made):
    made = made if isinstance(made, tuple) and not hasattr(made, "_fields") else (made,)
    return [y.transpose(0, 1) if time else y for y, time in zip(made, case["outputs"])]


def load(folder, name):
    """The module, under a name of its own: what TorchScript compiles is known by it."""
    spec = importlib.util.spec_from_file_location(name, folder / "module.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(folder):
    module = load(folder, f"printed_{folder.name}")
    case = json.loads((folder / "case.json").read_text())
    dtype = getattr(torch, case["dtype"])
    net = getattr(module, case["class"])(**case["sizes"]).to(dtype)
    state = {name: tensor(x, dtype) for name, x in case["tensors"].items()}
    own = net.state_dict()
    assert set(state) <= set(own), sorted(set(state) - set(own))
    for name, x in state.items():
        assert list(own[name].shape) == list(x.shape), (name, own[name].shape, x.shape)
    net.load_state_dict({**own, **state})
    results = []
    net.train()
    for given in case["steps"]:
        noise = [tensor(x, dtype) for x in given["noise"]]
        Draws(module, noise)
        args = arguments(given, dtype)
        metrics = {}
        is_input = [x for x in args.values() if x.is_floating_point()]
        for x in is_input:
            x.requires_grad_()
        if "cotangents" in given:
            made = outputs_of(case, net(**args))
            loss = sum((y * tensor(w, dtype)).sum() for y, w in zip(made, given["cotangents"]) if w is not None)
            loss = loss / given["count"]
        else:
            loss, metrics = net.loss(**args)
            made = []
        net.zero_grad()
        if loss.requires_grad:
            loss.backward()
        grads = {name: plain(p.grad) if p.grad is not None else None for name, p in net.named_parameters()}
        inputs = {name: plain(x.grad.transpose(0, 1) if given["inputs"][name]["time"] else x.grad)
                  for name, x in args.items() if x.grad is not None}
        results.append(dict(loss=loss.item(), metrics={k: v.item() for k, v in metrics.items()}, grads=grads, inputs=inputs,
                            outputs=[plain(y) for y in made]))
        with torch.no_grad():
            for p in net.parameters():
                if p.grad is not None:
                    p -= case["lr"] * p.grad
    net.eval()
    given = case["evaluation"]
    Draws(module, [tensor(x, dtype) for x in given["noise"]])
    args = arguments({**given, "inputs": {k: x for k, x in given["inputs"].items() if k in case["forward"]}}, dtype)
    args = {k: x for k, x in args.items()}
    made = outputs_of(case, net(**args))
    evaluation = [plain(y) for y in made]
    scripted = 0.0
    if case["script"]:
        # As it was printed: what replaces its draws is no TorchScript.
        again = getattr(load(folder, f"scripted_{folder.name}"), case["class"])(**case["sizes"]).to(dtype)
        again.load_state_dict(net.state_dict())
        scripted_net = torch.jit.script(again)
        other = outputs_of(case, scripted_net.eval()(**args))
        scripted = max((float((a - b).abs().max()) for a, b in zip(made, other)), default=0.0)
    buffers = {name: plain(b) for name, b in net.state_dict().items()}
    (folder / "result.json").write_text(json.dumps(dict(steps=results, evaluation=evaluation, scripted=scripted, state=buffers)))


if __name__ == "__main__":
    for name in sys.argv[1:]:
        folder = Path(name)
        try:
            run(folder)
        except Exception:
            (folder / "error.txt").write_text(traceback.format_exc())
