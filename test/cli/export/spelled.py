#!/usr/bin/env python3
"""What printed training scripts do, bit by bit: python3 spelled.py FOLDER

The folder has `cases.json`, scripts and the module that they import, and gets `result.json`.
"""

import importlib
import json
import sys
from pathlib import Path

import torch

folder = Path(sys.argv[1])
sys.path.insert(0, str(folder))
cases = json.loads((folder / "cases.json").read_text())


def tensor(x):
    return torch.tensor(x["data"], dtype=torch.float64).reshape(x["shape"])


def steps(case):
    """The parameters after each of some steps with given gradients, and the slots after the last."""
    script = importlib.import_module(case["script"])
    run = script.Run(script.CLASS().double(), 1)
    parameters = run.parameters()
    for name, x in case["start"].items():
        parameters[name].data.copy_(tensor(x))
    run.slots()
    found = []
    for grads in case["grads"]:
        for group in run.optimizer.param_groups:
            group["lr"] = case["lr"]
        for name, x in grads.items():
            parameters[name].grad = tensor(x)
        script.clip_gradients(list(parameters.values()), case["clip"])
        run.optimizer.step()
        found.append({name: p.detach().flatten().tolist() for name, p in parameters.items()})
    return {"steps": found, "slots": {name: x.flatten().tolist() for name, x in run.slots().items()}}


def rates(case):
    script = importlib.import_module(case["script"])
    return [script.learning_rate(step, case["steps"], case["lr"]) for step in range(case["steps"])]


def order(case):
    script = importlib.import_module(case["script"])
    lengths = None if case["lengths"] is None else torch.tensor(case["lengths"])
    batches = script.order_of(case["epoch"], case["count"], lengths, case["batch"], case["seed"])
    whole = case["count"] // case["batch"] * case["batch"]
    return {
        "epoch": batches.flatten().tolist(),
        "inOrder": script.in_order(case["count"], lengths).tolist(),
        "estimated": script.in_pools(torch.arange(whole), lengths, case["batch"]).tolist(),
    }


found = {name: [work(case) for case in cases[name]] for name, work in (("steps", steps), ("rates", rates), ("order", order))}
(folder / "result.json").write_text(json.dumps(found))
