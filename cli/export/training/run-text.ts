/** Python text of a model in training: its state, its steps and its evaluations. */

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
        # The moving averages of the parameters, if the run keeps them.
        self.average: Dict[str, Tensor] = {}
        self.begin_average({})

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
        self.begin_average(tensors)
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

    def begin_average(self, tensors: Dict[str, Tensor]) -> None:
        """Averages go on with those of a checkpoint, or begin at the parameters."""
        if AVERAGE is not None:
            for name, parameter in self.parameters().items():
                self.average[name] = tensors.get(f"average:{name}", parameter).detach().clone().to(parameter.device)

    def save(self, path: Path, with_average: bool = True) -> None:
        """Writes a checkpoint that this script and cellc go on from. All ranks have the same; the first writes."""
        if RANK != 0:
            return
        tensors = {**{name: self.tensors[at] for name, at in NAMES.items()}, **self.slots()}
        if with_average:
            tensors.update({f"average:{name}": x for name, x in self.average.items()})
        for name, x in tensors.items():
            if not bool(torch.isfinite(x).all()):
                raise SystemExit(f"after step {self.step}, {name} is not finite, and no checkpoint is written")
        write_safetensors(path, tensors, {**self.metadata, "counters": json.dumps(self.counters)})

    def agree(self, *sizes: int) -> None:
        """Ends the training unless all ranks go on from the same checkpoint, on as many examples."""
        if WORLD == 1:
            return
        known = [x for name, x in self.tensors.items() if name in NAMES.values()] + list(self.slots().values())
        total = sum(float(x.detach().double().sum()) for x in known)
        own = torch.tensor([*sizes, self.seed, self.step, total], dtype=torch.float64, device=DEVICE)
        least, most = own.clone(), own.clone()
        dist.all_reduce(least, op=dist.ReduceOp.MIN)
        dist.all_reduce(most, op=dist.ReduceOp.MAX)
        if not torch.equal(least, most):
            raise SystemExit(f"rank {RANK} goes on from step {self.step}, and others do not, or have other data. Share this folder")

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

    def train(self, forward: nn.Module, examples: Examples, batches: List[Tensor], lr: float) -> Dict[str, Any]:
        """One step on batches of all ranks. Of several, its gradient is that of one batch of all their examples."""
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        # Each step and each rank has noise of its own, the same again after a resume.
        torch.manual_seed(((self.seed * 1_000_003 + self.step) * 4099 + RANK) % 2**63)
        self.done(self.step)
        self.model.train()
        self.optimizer.zero_grad()
        means = Means()
        total = sum(weight_of("loss", examples, indices) for indices in batches)
        for indices in batches:
            is_last = indices is batches[-1] or WORLD == 1
            # Ranks exchange gradients once a step.
            with contextlib.nullcontext() if is_last else forward.no_sync():
                loss, metrics = forward(self.share(examples, indices))
                (loss * (weight_of("loss", examples, indices) / total)).backward()
            self.count(examples, indices)
            means.add(loss, metrics, examples, indices)
        measures = means.result()
        norm = clip_gradients(list(self.parameters().values()), CLIP)
        if not math.isfinite(measures["loss"]) or not math.isfinite(norm):
            raise SystemExit(f"step {self.step + 1}: loss {measures['loss']}, norm of the gradient {norm}. Take a smaller --lr")
        self.optimizer.step()
        self.counters["step"] += 1
        self.counters["run"] += len(batches)
        if AVERAGE is not None:
            # The first updates weigh more, so that the start is forgotten.
            decay = min(AVERAGE, (1 + self.step) / (10 + self.step))
            for name, parameter in self.parameters().items():
                self.average[name].lerp_(parameter.detach(), 1 - decay)
        return {**split(measures), "gradientNorm": norm, "lr": lr}

    @torch.no_grad()
    def measure(self, training: Examples, validation: Examples, batch: int, averaged: Path) -> Dict[str, float]:
        """
        Loss and metrics on the validation examples, with the statistics that the run evaluates with.

        Averaged parameters are measured with statistics of their own, and are written to \`averaged\`; training goes on as before.
        """
        before = {name: x.detach().clone() for name, x in self.tensors.items()} if AVERAGE is not None else {}
        counters = dict(self.counters)
        for name, x in self.average.items():
            self.parameters()[name].copy_(x)
        if EXACT:
            self.estimate(training, batch)
        measures = self.evaluate(validation, batch)
        if AVERAGE is not None:
            if math.isfinite(measures["loss"]):
                self.save(averaged, with_average=False)
            for name, x in before.items():
                self.tensors[name].copy_(x)
            self.counters = counters
        return measures

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
        first = in_pools(torch.arange(min(len(examples), groups * batch)), examples.lengths, batch)
        for number, indices in enumerate(first.split(batch)):
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
        means = Means()
        # A measure that is no mean over examples or steps needs all examples at once.
        size = len(examples) if None in MEASURES.values() else batch
        for indices in in_order(len(examples), examples.lengths).split(size):
            loss, metrics = self.model.loss(**self.share(examples, indices))
            means.add(loss, metrics, examples, indices)
        return means.result()


class Means:
    """Means of losses and metrics over batches, as of one batch of all their examples."""

    def __init__(self):
        self.sums: Dict[str, Tuple[float, float]] = {}

    def add(self, loss: Tensor, metrics: Dict[str, Tensor], examples: Examples, indices: Tensor) -> None:
        for name, value in {"loss": loss, **metrics}.items():
            total, weights = self.sums.get(name, (0.0, 0.0))
            weight = weight_of(name, examples, indices)
            self.sums[name] = total + value.item() * weight, weights + weight

    def result(self) -> Dict[str, float]:
        return {name: total / max(1, weights) for name, (total, weights) in self.sums.items()}


def weight_of(measure: str, examples: Examples, indices: Tensor) -> int:
    """What a batch counts in the mean of a measure: its examples, or their steps."""
    if MEASURES[measure] != "steps":
        return len(indices)
    return len(indices) * STEPS if examples.lengths is None else int(examples.lengths[indices].sum())


def split(measures: Dict[str, float]) -> Dict[str, Any]:
    """As lines of a learning curve have them."""
    return {"loss": measures["loss"], "metrics": {name: value for name, value in measures.items() if name != "loss"}}


def steps_of(examples: Examples, indices: Tensor) -> int:
    return STEPS if examples.lengths is None else int(examples.lengths[indices].max())


def clip_gradients(parameters: List[nn.Parameter], largest: Optional[float]) -> float:
    """Scales gradients to a global norm of at most \`largest\`, and returns what it was. A missing gradient is 0."""
    for p in parameters:
        if p.grad is None:
            p.grad = torch.zeros_like(p)
    norm = torch.stack([p.grad.double().square().sum() for p in parameters]).sum().sqrt().item()
    if largest is not None and norm > largest:
        for p in parameters:
            p.grad.mul_(largest / norm)
    return norm
`;
