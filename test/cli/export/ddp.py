#!/usr/bin/env python3
"""Batches spread over processes beside one process with the whole batch, in f64: python3 ddp.py RANKS CASES

CASES is JSON, of the folder of an exported training for each case, a batch, and `sync`. With `sync` none, the one process normalizes
each part of the batch by itself; or, with `ghost`, it has that export of the same model, with norms of groups as large as the parts.
Prints, as JSON for each case, the worst relative errors of losses, gradients and statistics over three steps, those between ranks, and how
many messages the last forward took.
"""

import copy
import importlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
import torch.distributed as dist

torch.set_num_threads(1)
ranks, cases = int(sys.argv[1]), json.loads(sys.argv[2])
STEPS, RATE = 3, 0.05


def load(folder):
    """The training script of a folder, with the module beside it."""
    sys.path.insert(0, folder)
    for name in ("train", "small"):
        sys.modules.pop(name, None)
    script = importlib.import_module("train")
    sys.path.pop(0)
    return script


class Case:
    def __init__(self, folder, batch, sync, ghost=None):
        self.script, self.sync, self.ghost, self.folder = load(folder), sync, ghost, Path(folder)
        self.examples = self.script.Examples(self.folder / "data" / "train.safetensors")
        self.batches = [torch.arange(batch) + k for k in range(STEPS)]

    def begun(self):
        script = load(self.ghost) if self.ghost else self.script
        model = script.CLASS()
        script.Run(model, 1).load(self.folder / "start.safetensors")
        return model.double().train()

    def arguments(self, indices, whole):
        """Of the loss, for a part of a batch."""
        given = self.examples.batch(indices, self.script.steps_of(self.examples, whole))
        return {name: x.double() if x.is_floating_point() else x for name, x in given.items()}


def noted(model, loss):
    grads = {name: p.grad.clone() for name, p in model.named_parameters()}
    return {"loss": loss.detach().clone(), **{f"grad {n}": g for n, g in grads.items()},
            **{f"table {n}": b.clone() for n, b in model.named_buffers()}}


def descend(model):
    with torch.no_grad():
        for p in model.parameters():
            p -= RATE * p.grad
            p.grad = None


def alone(case):
    """One process with the whole batch."""
    model = case.begun()
    found = []
    for indices in case.batches:
        loss, _ = model.loss(**case.arguments(indices, indices))
        loss.backward()
        found.append(noted(model, loss))
        descend(model)
    return found


def in_parts(case):
    """One process that normalizes the parts of the batch by themselves. The loss is a mean over examples."""
    model = case.begun()
    found = []
    for indices in case.batches:
        parts = indices.tensor_split(ranks)
        copies = [copy.deepcopy(model) for _ in parts]
        losses = [m.loss(**case.arguments(part, indices))[0] for m, part in zip(copies, parts)]
        shares = [len(part) / len(indices) for part in parts]
        loss = sum(a * l for a, l in zip(shares, losses))
        loss.backward()
        for name, p in model.named_parameters():
            p.grad = sum(dict(m.named_parameters())[name].grad for m in copies)
        for name, b in model.named_buffers():
            b.copy_(sum(a * dict(m.named_buffers())[name] for a, m in zip(shares, copies)))
        found.append(noted(model, loss))
        descend(model)
    return found


def spread(case, rank):
    """This process's part, and how many messages the last forward took."""
    module, sent = sys.modules["small"], []
    send = module.all_reduce
    module.all_reduce = lambda x, **where: sent.append(1) or send(x, **where)
    model = case.script.convert_sync(case.begun(), sync=case.sync)
    ddp = torch.nn.parallel.DistributedDataParallel(case.script.Loss(model), broadcast_buffers=False)
    found = []
    for indices in case.batches:
        sent.clear()
        loss, _ = ddp(case.arguments(indices.tensor_split(ranks)[rank], indices))
        messages = len(sent)
        loss.backward()
        found.append(noted(model, loss))
        descend(model)
    return found, messages


def worst(a, b):
    errors = {}
    for one, other in zip(a, b):
        for name, x in one.items():
            y = other[name].reshape(x.shape)
            # Relative to the largest: what is 0 but for rounding has no digits of its own.
            floor = 1e-3 * max(float(v.abs().max()) for n, v in one.items() if n.split(" ")[0] == name.split(" ")[0])
            error = float((x - y).abs().max()) / max(float(x.abs().max()), floor)
            kind = name.split(" ")[0]
            errors[kind] = max(errors.get(kind, 0.0), error)
    return errors


if "RANK" in os.environ:
    dist.init_process_group("gloo")
    torch.save([spread(Case(**{**case, "ghost": None}), int(os.environ["RANK"])) for case in cases], os.environ["RESULT"])
    dist.destroy_process_group()
    sys.exit()

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = str(free.getsockname()[1])
with tempfile.TemporaryDirectory() as folder:
    results = [Path(folder) / f"{rank}.pt" for rank in range(ranks)]
    common = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": str(ranks)}
    started = [
        subprocess.Popen([sys.executable, *sys.argv], env={**common, "RANK": str(rank), "RESULT": str(result)})
        for rank, result in enumerate(results)
    ]
    truths = [alone(case) if case.sync == "step" or case.ghost else in_parts(case) for case in (Case(**case) for case in cases)]
    codes = [process.wait() for process in started]
    if any(codes):
        sys.exit(f"a rank failed: {codes}")
    found = [torch.load(result) for result in results]
for k, truth in enumerate(truths):
    first, messages = found[0][k]
    between = max(max(worst(first, of[k][0]).values()) for of in found)
    print(json.dumps({"errors": {**worst(truth, first), "between": between}, "messages": messages}))
