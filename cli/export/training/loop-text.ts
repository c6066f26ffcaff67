/** Python text of a training loop: what a run needs besides its constants, which stand above it. */

export const examples = `
class Examples:
    """
    The examples of a file that \`cellc export\` wrote. Your own data comes in here: a class with these three members.

    \`lengths\`: the steps of each example, [examples]; None if all have all. \`len\`: how many examples there are. \`batch\`: the
    arguments of the model's \`loss\` for some of them, each [batch, …], or [batch, time, …] with this many steps.
    """

    def __init__(self, path: Path):
        if not path.exists():
            raise SystemExit(f"{path} is missing: export with the data, or write your own class Examples in train.py")
        self.tensors, _ = read_safetensors(path)
        self.lengths: Optional[Tensor] = self.tensors.pop("lengths").long() if "lengths" in self.tensors else None

    def __len__(self) -> int:
        return next(iter(self.tensors.values())).shape[0]

    def batch(self, indices: Tensor, steps: int) -> Dict[str, Tensor]:
        made = {}
        for name, (kind, over_time) in INPUTS.items():
            x = self.tensors[name][indices]
            made[name] = (x[:, :steps] if over_time else x).to(torch.long if kind == "index" else torch.float32)
        if self.lengths is not None:
            made["lengths"] = self.lengths[indices]
        return made
`;

export const loss = `
class Loss(nn.Module):
    """A model's loss and metrics as \`forward\`, which is what DistributedDataParallel wraps."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, batch: Dict[str, Tensor]) -> Tuple[Tensor, Dict[str, Tensor]]:
        return self.model.loss(**batch)
`;

export const run = `
class Run:
    """A model in training: its optimiser, how far it is, and what a checkpoint of cellc says of it."""

    def __init__(self, model: nn.Module, seed: int):
        self.model, self.seed = model, seed
        self.optimizer = make_optimizer(model)
        self.tensors: Dict[str, Tensor] = {**dict(model.named_parameters()), **dict(model.named_buffers())}
        self.norms = {path: m for path, m in model.named_modules() if isinstance(getattr(m, "batches", None), Tensor)}
        for norm in self.norms.values():
            norm.momentum = MOMENTUM
        self.metadata: Dict[str, str] = {}
        self.counters: Dict[str, Any] = {"seed": seed, "step": 0, "run": 0, "seen": []}

    @property
    def step(self) -> int:
        return self.counters["step"]

    @torch.no_grad()
    def load(self, path: Path, begin: bool = False) -> None:
        """Reads a checkpoint, of \`cellc train\` or of this script. \`begin\`: only what it says of the model."""
        tensors, metadata = read_safetensors(path)
        if not metadata.get("format", "").startswith("cellc-checkpoint-"):
            raise SystemExit(f"{path} is no checkpoint of cellc: it lacks its metadata")
        self.metadata = metadata
        if begin:
            return
        has_slots = any(name.startswith("slot/") for name in tensors)
        if SLOTS and not has_slots and RANK == 0:
            print(f"{path} has nothing of the optimiser's state, which begins anew", flush=True)
        slots = self.slots()
        wanted = {name: self.tensors[at] for name, at in NAMES.items()}
        for name, target in {**wanted, **(slots if has_slots else {})}.items():
            if name not in tensors:
                raise SystemExit(f"{path} lacks {name}")
            if tensors[name].shape != target.shape:
                raise SystemExit(f"{path}: {name} is {list(tensors[name].shape)}, and the model's is {list(target.shape)}")
            target.copy_(tensors[name])
        self.counters = json.loads(metadata["counters"])
        for parameter in self.parameters().values():
            if COUNTS:
                self.optimizer.state[parameter]["step"] = torch.tensor(float(self.step))
        for at, norm in self.norms.items():
            seen = self.counters["seen"]
            if at in HEADS:
                seen = self.counters.get("seenOver", {}).get("", seen[:1])
            if len(norm.batches) == 1:
                norm.batches.fill_(sum(seen))
            else:
                norm.batches.copy_(torch.tensor([*seen, *[0.0] * len(norm.batches)][: len(norm.batches)]))
            # Whether there is a mean that ranks can refer to.
            norm.begun = sum(seen) > 0

    def save(self, path: Path) -> None:
        """Writes a checkpoint that this script and cellc go on from. All ranks have the same; the first writes."""
        if RANK != 0:
            return
        tensors = {**{name: self.tensors[at] for name, at in NAMES.items()}, **self.slots()}
        for name, x in tensors.items():
            if not bool(torch.isfinite(x).all()):
                raise SystemExit(f"after step {self.step}, {name} is not finite, and no checkpoint is written")
        write_safetensors(path, tensors, {**self.metadata, "counters": json.dumps(self.counters)})

    def parameters(self) -> Dict[str, nn.Parameter]:
        return {name: self.tensors[NAMES[name]] for name in TRAINED}

    def slots(self) -> Dict[str, Tensor]:
        """The optimiser's state by the names of checkpoints; zeros before the first step."""
        found = {}
        for slot, key in SLOTS.items():
            for name, parameter in self.parameters().items():
                state = self.optimizer.state[parameter]
                if COUNTS:
                    state.setdefault("step", torch.tensor(0.0))
                if state.get(key) is None:
                    state[key] = torch.zeros_like(parameter)
                found[f"slot/{slot}/{name}"] = state[key]
        return found

    def done(self, updates: float) -> None:
        """Says how many updates were made, for what changes in the course of training."""
        for name, buffer in self.model.named_buffers():
            if name.split(".")[-1] == "updates":
                buffer.fill_(updates)

    def share(self, examples: Examples, indices: Tensor) -> Dict[str, Tensor]:
        """This rank's part of a batch, with as many steps as the whole batch has."""
        mine = indices.tensor_split(WORLD)[RANK]
        return {name: x.to(DEVICE) for name, x in examples.batch(mine, steps_of(examples, indices)).items()}

    def count(self, examples: Examples, indices: Tensor) -> None:
        """Counts a batch that statistics were collected from: for each step, the fraction of its examples that has it."""
        B, T = len(indices), steps_of(examples, indices)
        n = [B] * T
        if examples.lengths is not None:
            at = (examples.lengths[indices].unsqueeze(0) > torch.arange(T).unsqueeze(1)).sum(1)
            n = (at * (at >= min(2, B)).any()).tolist()
        seen = self.counters["seen"]
        self.counters["seen"] = [
            (seen[t] if t < len(seen) else 0) + (n[t] / B if t < T else 0) for t in range(max(T, len(seen)))
        ]
        if HEADS:
            over = self.counters.setdefault("seenOver", {})
            over[""] = [over.get("", [0])[0] + 1]

    def train(self, forward: nn.Module, examples: Examples, indices: Tensor, lr: float) -> Dict[str, Any]:
        """One step on a batch of all ranks."""
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        # Each step and each rank has noise of its own, the same again after a resume.
        torch.manual_seed(((self.seed * 1_000_003 + self.step) * 4099 + RANK) % 2**63)
        self.done(self.step)
        self.model.train()
        self.optimizer.zero_grad()
        loss, metrics = forward(self.share(examples, indices))
        loss.backward()
        norm = clip_gradients(list(self.parameters().values()), CLIP)
        if not math.isfinite(loss.item()) or not math.isfinite(norm):
            raise SystemExit(f"step {self.step + 1}: loss {loss.item()}, norm of the gradient {norm}. Take a smaller --lr")
        self.optimizer.step()
        self.count(examples, indices)
        self.counters["step"] += 1
        self.counters["run"] += 1
        return {"loss": loss.item(), "metrics": {k: v.item() for k, v in metrics.items()}, "gradientNorm": norm, "lr": lr}

    @torch.no_grad()
    def estimate(self, examples: Examples, batch: int) -> None:
        """Population statistics anew, as means over the first ESTIMATE training examples at the present parameters."""
        if not self.norms:
            return
        for norm in self.norms.values():
            norm.momentum, norm.begun = 0.0, False
            for table in norm.buffers(recurse=False):
                table.zero_()
        self.counters["seen"] = []
        self.counters.pop("seenOver", None)
        self.done(math.inf)
        self.model.train()
        groups = max(1, min(len(examples), ESTIMATE) // batch)
        for number, indices in enumerate(in_order(groups * batch, examples.lengths).split(batch)):
            torch.manual_seed((number * 4099 + RANK) % 2**63)
            self.model.loss(**self.share(examples, indices))
            self.count(examples, indices)
        for norm in self.norms.values():
            norm.momentum = MOMENTUM
        self.counters["estimated"] = self.counters["run"]

    @torch.no_grad()
    def evaluate(self, examples: Examples, batch: int) -> Dict[str, float]:
        """Loss and metrics over all examples, with population statistics: as of one batch of them all."""
        self.model.eval()
        sums: Dict[str, List[float]] = {}
        # A measure that is no mean over examples or steps needs all examples at once.
        size = len(examples) if None in MEASURES.values() else batch
        for indices in in_order(len(examples), examples.lengths).split(size):
            loss, metrics = self.model.loss(**self.share(examples, indices))
            steps = len(indices) * STEPS if examples.lengths is None else int(examples.lengths[indices].sum())
            for name, value in {"loss": loss, **metrics}.items():
                weight = steps if MEASURES[name] == "steps" else len(indices)
                sums[name] = [a + b for a, b in zip(sums.get(name, [0.0, 0.0]), (value.item() * weight, weight))]
        return {name: total / max(1, weight) for name, (total, weight) in sums.items()}


def steps_of(examples: Examples, indices: Tensor) -> int:
    return STEPS if examples.lengths is None else int(examples.lengths[indices].max())


def clip_gradients(parameters: List[nn.Parameter], largest: Optional[float]) -> float:
    """Scales gradients to a global norm of at most \`largest\`, and returns what it was. A missing gradient is 0."""
    for p in parameters:
        if p.grad is None:
            p.grad = torch.zeros_like(p)
    norm = math.sqrt(sum(p.grad.double().square().sum().item() for p in parameters))
    if largest is not None and norm > largest:
        for p in parameters:
            p.grad.mul_(largest / norm)
    return norm
`;

export const main = `
class Curve:
    """The learning curve, a line for each step, in the form of cellc's. Lines after a checkpoint that training goes on from are left out."""

    def __init__(self, path: Path, step: int):
        self.path, self.points, self.started = path, [], time.time()
        if RANK != 0:
            return
        kept = []
        if path.exists():
            for line in path.read_text().splitlines(keepends=True):
                # A last line may be cut short.
                if line.endswith("\\n") and json.loads(line)["step"] <= step:
                    kept.append(line)
        self.before = json.loads(kept[-1])["seconds"] if kept else 0.0
        path.write_text("".join(kept))

    def add(self, kind: str, step: int, epoch: int, about: Dict[str, Any]) -> None:
        if RANK == 0:
            seconds = round(self.before + time.time() - self.started, 3)
            self.points.append({"kind": kind, "step": step, "epoch": epoch, **about, "seconds": seconds})

    def write(self) -> None:
        if RANK == 0:
            with open(self.path, "a") as file:
                file.write("".join(json.dumps(point) + "\\n" for point in self.points))
            self.points = []


def say(text: str) -> None:
    if RANK == 0:
        print(text, flush=True)


def measures_text(measures: Dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4f}" for name, value in measures.items())


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\\n")[0])
    parser.add_argument("--steps", type=int, help="training steps in all, with those before")
    parser.add_argument("--epochs", type=float, help="the same in passes over the training examples")
    parser.add_argument("--batch", type=int, default=BATCH, help="examples per step on all ranks together (default: %(default)s)")
    parser.add_argument("--lr", type=float, default=LR, help="learning rate (default: %(default)s)")
    parser.add_argument("--sync", choices=["step", "none"], default="step", help="norms over the batch: of all ranks, or each of its own")
    parser.add_argument("--seed", type=int, help="of the order of examples and of noise (default: the checkpoint's)")
    parser.add_argument("--data", type=Path, default=HERE / "data", help="folder of train.safetensors and validation.safetensors")
    parser.add_argument("--checkpoint", type=Path, default=HERE / "checkpoint.safetensors", help="where checkpoints are written")
    parser.add_argument("--resume", help="checkpoint to go on from, or \`none\` to begin anew (default: --checkpoint if there is one, or else start.safetensors)")
    parser.add_argument("--save-every", type=int, help="steps between checkpoints (default: one at each evaluation)")
    parser.add_argument("--evaluate-every", type=int, default=EVALUATE_EVERY, help="steps between evaluations (default: an epoch)")
    parser.add_argument("--say-every", type=int, default=50, help="steps between lines of progress (default: %(default)s)")
    return parser.parse_args()


def train(args: argparse.Namespace) -> None:
    begin = args.resume == "none"
    start = HERE / "start.safetensors"
    if args.resume not in (None, "none"):
        start = Path(args.resume)
    elif args.resume is None and args.checkpoint.exists():
        start = args.checkpoint
    training, validation = Examples(args.data / "train.safetensors"), Examples(args.data / "validation.safetensors")
    if not WORLD <= args.batch <= len(training):
        raise SystemExit(f"--batch {args.batch}: there are {WORLD} ranks, and {len(training)} training examples")

    torch.manual_seed(SEED if args.seed is None else args.seed)
    model = CLASS().to(DEVICE)
    run = Run(model, SEED if args.seed is None else args.seed)
    run.load(start, begin)
    run.seed = run.counters["seed"] = run.counters["seed"] if args.seed is None else args.seed
    convert_sync(model, sync=args.sync)
    forward: nn.Module = Loss(model)
    if WORLD > 1:
        # Statistics are the same on all ranks as they are. Gradients are averaged: each rank's is that of the whole batch's loss.
        forward = DistributedDataParallel(forward, broadcast_buffers=False, find_unused_parameters=UNUSED)

    per_epoch = len(training) // args.batch
    steps = args.steps or math.ceil((EPOCHS if args.epochs is None else args.epochs) * per_epoch)
    if args.steps is None and args.epochs is None and TOTAL is not None:
        steps = TOTAL
    every = args.evaluate_every or per_epoch
    say(f"{'beginning' if begin else f'going on from {start}'}, step {run.step} of {steps}; {WORLD} ranks of {DEVICE.type}, {args.batch} examples a step")
    if run.step >= steps:
        return say(f"nothing is left to do: for more, --steps {run.step + per_epoch}")
    curve = Curve(args.checkpoint.with_name("curve.jsonl"), run.step)
    order_is_of = -1
    while run.step < steps:
        epoch, number = divmod(run.step, per_epoch)
        if epoch != order_is_of:
            order, order_is_of = order_of(epoch, len(training), training.lengths, args.batch, run.seed), epoch
        about = run.train(forward, training, order[number], learning_rate(run.step, steps, args.lr))
        curve.add("train", run.step, epoch + 1, about)
        if run.step % args.say_every == 0:
            say(f"step {run.step}/{steps}, epoch {epoch + 1}: {measures_text({'loss': about['loss'], **about['metrics']})}")
        is_due = run.step % every == 0 or run.step == steps
        if is_due:
            if EXACT:
                run.estimate(training, args.batch)
            measures = run.evaluate(validation, args.batch)
            if not math.isfinite(measures["loss"]):
                raise SystemExit(f"after step {run.step}, the validation loss is {measures['loss']}; {args.checkpoint} is as before")
            curve.add("evaluation", run.step, epoch + 1, {"loss": measures["loss"], "metrics": {k: v for k, v in measures.items() if k != "loss"}})
            say(f"step {run.step}: validation {measures_text(measures)}")
        if is_due or (args.save_every is not None and run.step % args.save_every == 0):
            curve.write()
            run.save(args.checkpoint)


if __name__ == "__main__":
    options_given = options()
    if WORLD > 1:
        dist.init_process_group("nccl" if DEVICE.type == "cuda" else "gloo")
    train(options_given)
    if WORLD > 1:
        dist.destroy_process_group()
`;
