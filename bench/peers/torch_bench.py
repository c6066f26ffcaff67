#!/usr/bin/env python3
"""PyTorch, as a peer: `torch_bench.py THREADS`, or `torch_bench.py cuda` on a GPU, spoken to by JSON lines on stdin and stdout (see ../protocol.ts).

Inputs are unbound into steps, never indexed: the backward of an index fills a whole tensor, once for each step, which
makes it quadratic in the length of the sequence.

- `nn.LSTM`: the fused layer; a step at a time it is `nn.LSTMCell`.
- `eager`: a batch-normalized cell. The input's product and its norm, which do not wait for the recurrence, are done for all
  steps at once; the other norms are `F.batch_norm`.
- `TorchScript`: the same function, scripted; `torch.compile`: its step compiled, because a loop of hundreds of steps would be unrolled.
- `loop in a CUDA graph`: a whole run of the eager cell, forward and backward, captured once and replayed.
- `exported`: what `cellc export --to pytorch` writes, and `exported, TorchScript`: the same, scripted.
"""

import json
import subprocess
import sys
import types
from pathlib import Path
from time import perf_counter
from typing import List, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

EPS = 1e-5
DEVICE = "cuda" if sys.argv[1:] == ["cuda"] else "cpu"


def read_numbers(path):
    """A safetensors file: the header's length in 8 bytes, a JSON header, the numbers."""
    with open(path, "rb") as file:
        data = bytearray(file.read())
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        start, end = entry["data_offsets"]
        floats = torch.frombuffer(data, dtype=torch.float32, count=(end - start) // 4, offset=8 + length + start)
        tensors[name] = floats.reshape(entry["shape"]).clone().to(DEVICE)
    return tensors


def reorder(w, source, target):
    """[..., 4H]: blocks of H from one order of the gates to another."""
    blocks = dict(zip(source, w.chunk(4, -1)))
    return torch.cat([blocks[gate] for gate in target], -1)


OURS, TORCHS = "fiog", "ifgo"

# ---------------------------------------------------------------------------------------------------------------------
# The batch-normalized LSTM (Cooijmans et al. 2016, eqs. 6-8).


def train_step(
    x: Tensor, Wh: Tensor, gh: Tensor, gc: Tensor, kc: Tensor, h: Tensor, c: Tensor
) -> Tuple[Tensor, Tensor]:
    """x: the normalized product of the step's input with its bias, [B, 4H]. Returns the next h and c."""
    f, i, o, g = torch.chunk(F.batch_norm(h @ Wh, None, None, gh, None, True, 0.1, 1e-5) + x, 4, -1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(F.batch_norm(c, None, None, gc, kc, True, 0.1, 1e-5)), c


def train_steps(
    a: List[Tensor], Wh: Tensor, gh: Tensor, gc: Tensor, kc: Tensor, h: Tensor, c: Tensor
) -> Tensor:
    """Returns the outputs of all steps, [T, B, H]."""
    hs: List[Tensor] = []
    for x in a:
        h, c = train_step(x, Wh, gh, gc, kc, h, c)
        hs.append(h)
    return torch.stack(hs)


def train_steps_of(step):
    """`train_steps` with another step, which TorchScript cannot be given."""

    def steps(a, Wh, gh, gc, kc, h, c):
        hs = []
        for x in a:
            h, c = step(x, Wh, gh, gc, kc, h, c)
            hs.append(h)
        return torch.stack(hs)

    return steps


def infer_steps(
    a: List[Tensor], Wh: Tensor, sh: Tensor, kh: Tensor, sc: Tensor, kc: Tensor, h: Tensor, c: Tensor
) -> Tuple[List[Tensor], Tensor, Tensor]:
    """Norms with the population's statistics are a scale s and a shift k."""
    hs: List[Tensor] = []
    for x in a:
        f, i, o, g = torch.chunk(torch.addcmul(kh, h @ Wh, sh) + x, 4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(torch.addcmul(kc, c, sc))
        hs.append(h)
    return hs, h, c


# torch.compile came with PyTorch 2.
TRAIN_STEPS = {
    "TorchScript": lambda: torch.jit.script(train_steps),
    "torch.compile": lambda: train_steps_of(torch.compile(train_step)),
}
GRAPH = "loop in a CUDA graph"
# Libraries choose their algorithms and fetch their workspaces in the first runs, which cannot be captured.
GRAPH_WARMUPS = 3


def captured(compute):
    """Captures a run of `compute` in a CUDA graph. Its tensors stay where they are; a replay computes their contents anew.

    Nothing in it may wait for the GPU. The runs before are on a stream of their own, because what the default stream has begun
    cannot be captured (the notes on CUDA graphs in PyTorch's documentation, "Whole-network capture").
    """
    if DEVICE != "cuda":
        raise ValueError("a CUDA graph needs a GPU")
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(GRAPH_WARMUPS):
            compute()
    torch.cuda.current_stream().wait_stream(side)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        results = compute()

    def replay():
        graph.replay()
        return results

    return replay


def bnlstm_train(job, n):
    T, B, H = job["T"], job["B"], job["H"]
    steps = TRAIN_STEPS.get(job["form"], lambda: train_steps)()
    names = ["Wx", "Wh", "b", "hh/g", "xh/g", "cc/g", "cc/k"]
    p = {name: n[name].requires_grad_() for name in names}
    x, w, zero = n["x"], n["d_h"], torch.zeros(B, H, device=DEVICE)

    def compute():
        xh = x @ p["Wx"]
        # F.batch_norm over the examples of each step: steps and features are its channels.
        flat = xh.transpose(0, 1).reshape(B, -1)
        gain = p["xh/g"].repeat(T)
        xh = F.batch_norm(flat, None, None, gain, p["b"].repeat(T), True, 0.1, EPS).reshape(B, T, 4 * H)
        h = steps(list(xh.unbind(1)), p["Wh"], p["hh/g"], p["cc/g"], p["cc/k"], zero, zero)
        loss = (h * w).sum() / (T * B)
        grads = dict(zip(names, torch.autograd.grad(loss, list(p.values()))))
        return loss, grads["b"]

    once = captured(compute) if job["form"] == GRAPH else compute

    def run():
        loss, b = once()
        # This waits for the GPU.
        return loss.item(), b

    return run, lambda last: {"loss": last[0], "values": last[1].tolist()}


def bnlstm_infer(job, n):
    T, B, H = job["T"], job["B"], job["H"]
    steps = torch.jit.script(infer_steps) if job["form"] == "TorchScript" else infer_steps
    affine = {}
    for site in ("hh", "xh", "cc"):
        scale = n[f"{site}/g"] * torch.rsqrt(n[f"{site}/v"] + EPS)
        affine[site] = scale, n.get(f"{site}/k", torch.zeros((), device=DEVICE)) - n[f"{site}/m"] * scale
    (sh, kh), (sx, kx), (sc, kc) = affine["hh"], affine["xh"], affine["cc"]
    Wx, bx, zero = n["Wx"] * sx, kx + n["b"], torch.zeros(B, H, device=DEVICE)
    project = lambda x: torch.addmm(bx, x.reshape(-1, x.shape[-1]), Wx).reshape(*x.shape[:-1], 4 * H)

    def sequence():
        with torch.inference_mode():
            hs, h, _ = steps(list(project(n["x"]).unbind(0)), n["Wh"], sh, kh, sc, kc, zero, zero)
            torch.stack(hs)
            return h

    def stream():
        with torch.inference_mode():
            h, c = zero, zero
            for x in n["x"].unbind(0):
                _, h, c = steps([project(x)], n["Wh"], sh, kh, sc, kc, h, c)
            return h

    return (stream if job["kind"] == "stream" else sequence), lambda h: {"values": h.reshape(-1).tolist()}


# ---------------------------------------------------------------------------------------------------------------------
# The plain LSTM.


def load_lstm(module, n, suffix=""):
    with torch.no_grad():
        getattr(module, f"weight_ih{suffix}").copy_(reorder(n["Wx"], OURS, TORCHS).t())
        getattr(module, f"weight_hh{suffix}").copy_(reorder(n["Wh"], OURS, TORCHS).t())
        getattr(module, f"bias_ih{suffix}").copy_(reorder(n["b"], OURS, TORCHS))
        getattr(module, f"bias_hh{suffix}").zero_()
    return module


def lstm_train(job, n):
    T, B = job["T"], job["B"]
    lstm = load_lstm(torch.nn.LSTM(job["D"], job["H"], device=DEVICE), n, "_l0")
    x, w = n["x"], n["d_h"]
    params = dict(lstm.named_parameters())

    def run():
        h, _ = lstm(x)
        loss = (h * w).sum() / (T * B)
        grads = dict(zip(params, torch.autograd.grad(loss, list(params.values()))))
        return loss.item(), grads["bias_ih_l0"]

    return run, lambda last: {"loss": last[0], "values": reorder(last[1], TORCHS, OURS).tolist()}


def lstm_infer(job, n):
    layer = load_lstm(torch.nn.LSTM(job["D"], job["H"], device=DEVICE), n, "_l0")
    cell = load_lstm(torch.nn.LSTMCell(job["D"], job["H"], device=DEVICE), n)

    def sequence():
        with torch.inference_mode():
            return layer(n["x"])[0][-1]

    def stream():
        with torch.inference_mode():
            state = None
            for x in n["x"].unbind(0):
                state = cell(x, state)
            return state[0]

    return (stream if job["kind"] == "stream" else sequence), lambda h: {"values": h.reshape(-1).tolist()}


# ---------------------------------------------------------------------------------------------------------------------
# Exported modules.


def exported(job, n):
    """The module, with the job's numbers. Statistics are one row, which serves all steps."""
    steps = job["T"] if job["kind"] == "train" else 1
    script = str(Path(__file__).parent / "exported-module.ts")
    sizes = [str(size) for size in (job["D"], job["H"], steps)]
    made = subprocess.run(["node", "--import", "tsx", script, job["cell"], *sizes], capture_output=True, text=True, check=True)
    module = types.ModuleType("exported")
    # TorchScript reads the text that functions are made from.
    path = Path(job["numbers"]).with_suffix(f".{job['cell']}.py")
    path.write_text(made.stdout)
    exec(compile(made.stdout, str(path), "exec"), module.__dict__)
    net = module.EXPORTED()
    own = net.state_dict()
    for name in own:
        key = name.replace(".", "/")
        if key in n:
            own[name] = n[key].reshape(own[name].shape)
    net.load_state_dict(own)
    net.train(job["kind"] == "train")
    return torch.jit.script(net) if job["form"].endswith("TorchScript") else net


def exported_train(job, n):
    T, B = job["T"], job["B"]
    net = exported(job, n)
    x, w = n["x"].transpose(0, 1).contiguous(), n["d_h"].transpose(0, 1).contiguous()
    params = dict(net.named_parameters())

    def run():
        h, _ = net(x)
        loss = (h * w).sum() / (T * B)
        grads = dict(zip(params, torch.autograd.grad(loss, list(params.values()))))
        return loss.item(), grads["b"]

    return run, lambda last: {"loss": last[0], "values": last[1].tolist()}


def exported_infer(job, n):
    net = exported(job, n)
    x = n["x"].transpose(0, 1).contiguous()

    def sequence():
        with torch.inference_mode():
            return net(x)[0][:, -1]

    def stream():
        with torch.inference_mode():
            state = None
            for step in n["x"].unbind(0):
                h, state = net.step(step, state)
            return h

    return (stream if job["kind"] == "stream" else sequence), lambda h: {"values": h.reshape(-1).tolist()}


BUILD = {
    ("lstm", "train"): lstm_train,
    ("lstm", "infer"): lstm_infer,
    ("bnlstm", "train"): bnlstm_train,
    ("bnlstm", "infer"): bnlstm_infer,
}

# ---------------------------------------------------------------------------------------------------------------------
# The conversation.


def timed(run, times):
    """Milliseconds of a run, and what the last one returned."""
    start = perf_counter()
    for _ in range(times):
        last = run()
        if DEVICE == "cuda":
            torch.cuda.synchronize()
    return (perf_counter() - start) * 1000 / times, last


def main():
    cuda = DEVICE == "cuda"
    if cuda and not torch.cuda.is_available():
        sys.exit("error: PyTorch sees no CUDA device")
    if cuda:
        # Products in f32, as those of the others are; cuDNN's would have ten bits of fraction.
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
    else:
        torch.set_num_threads(int(sys.argv[1]))
    replies = sys.stdout
    # Replies are all there is on stdout.
    sys.stdout = sys.stderr

    def reply(message):
        print(json.dumps(message), file=replies, flush=True)

    capability = next((s.strip() for s in torch.__config__.show().splitlines() if "capability" in s), "")
    facts = {"torch": torch.__version__, "threads": str(torch.get_num_threads()), "cpu": capability.lstrip("- ")}
    if cuda:
        facts = {"torch": torch.__version__, "device": torch.cuda.get_device_name(), "cuDNN": str(torch.backends.cudnn.version())}
    reply({"facts": facts})
    programs = {}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["do"] == "prepare":
                job = request["job"]
                kind = "train" if job["kind"] == "train" else "infer"
                made = {"train": exported_train, "infer": exported_infer}
                build = made[kind] if job["form"].startswith("exported") else BUILD[job["cell"], kind]
                run, check = build(job, read_numbers(job["numbers"]))
                programs[request["key"]] = run
                ms, last = timed(run, 1)
                reply({"ms": ms, "check": check(last)})
            else:
                reply({"ms": timed(programs[request["key"]], request["times"])[0]})
        except Exception as error:
            reply({"error": f"{type(error).__name__}: {error}"})


main()
