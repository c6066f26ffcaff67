#!/usr/bin/env python3
"""Batches spread over processes beside one process with the whole batch, in f64: python3 ddp.py FOLDER RANKS BATCH SYNC [GHOST]

FOLDER is an exported training. Prints the worst relative errors of losses, gradients and statistics over three steps, as JSON. With
SYNC none, the one process normalizes each part of the batch by itself. GHOST is the same model with `ghost` norms, exported, whose
groups are as large as the parts: it is then what the one process has.
"""

import copy
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])

import torch
import torch.distributed as dist
import train

torch.set_num_threads(1)
folder, ranks, batch, sync = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
ghost = sys.argv[5] if len(sys.argv) > 5 else ""
STEPS, RATE = 3, 0.05


class Doubles(train.Examples):
    def batch(self, indices, steps):
        return {name: x.double() if x.is_floating_point() else x for name, x in super().batch(indices, steps).items()}


examples = Doubles(folder / "data" / "train.safetensors")
batches = [torch.arange(batch) + k for k in range(STEPS)]


def begun(module=train):
    model = module.CLASS()
    run = module.Run(model, 1)
    run.load(folder / "start.safetensors")
    return model.double()


def arguments(indices, whole):
    return examples.batch(indices, train.steps_of(examples, whole))


def noted(model, loss):
    grads = {name: p.grad.clone() for name, p in model.named_parameters()}
    return {"loss": loss.detach().clone(), **{f"grad {n}": g for n, g in grads.items()},
            **{f"table {n}": b.clone() for n, b in model.named_buffers()}}


def descend(model):
    with torch.no_grad():
        for p in model.parameters():
            p -= RATE * p.grad
            p.grad = None


def alone():
    """One process with the whole batch."""
    model = begun(ghost_module() if ghost else train).train()
    found = []
    for indices in batches:
        loss, _ = model.loss(**arguments(indices, indices))
        loss.backward()
        found.append(noted(model, loss))
        descend(model)
    return found


def in_parts():
    """One process that normalizes the parts of the batch by themselves. Weights are their examples or, of a mean over steps, steps."""
    model = begun().train()
    found = []
    for indices in batches:
        parts = indices.tensor_split(ranks)
        model.zero_grad()
        copies = [copy.deepcopy(model) for _ in parts]
        losses = [m.loss(**arguments(part, indices))[0] for m, part in zip(copies, parts)]
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


def ghost_module():
    import importlib.util

    sys.path.insert(0, ghost)
    sys.modules.pop("small")
    spec = importlib.util.spec_from_file_location("ghost_train", Path(ghost) / "train.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def spread():
    """This process's part."""
    rank = int(os.environ["RANK"])
    dist.init_process_group("gloo")
    model = train.convert_sync(begun(), sync=sync).train()
    ddp = train.DistributedDataParallel(train.Loss(model), broadcast_buffers=False)
    found = []
    for indices in batches:
        loss, _ = ddp(arguments(indices.tensor_split(ranks)[rank], indices))
        loss.backward()
        found.append(noted(model, loss))
        descend(model)
    torch.save(found, os.environ["RESULT"])
    dist.destroy_process_group()


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
    spread()
    sys.exit()
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
results = [Path(ghost or folder) / f"rank{r}.pt" for r in range(ranks)]
common = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(ranks)}
started = [
    subprocess.Popen([sys.executable, *sys.argv], env={**common, "RANK": str(r), "RESULT": str(results[r])}) for r in range(ranks)
]
truth = alone() if sync == "step" or ghost else in_parts()
codes = [p.wait() for p in started]
if any(codes):
    sys.exit(f"a rank failed: {codes}")
found = [torch.load(path) for path in results]
print(json.dumps({"errors": worst(truth, found[0]), "between": max(max(worst(found[0], f).values()) for f in found)}))
