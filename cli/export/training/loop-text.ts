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


class Order:
    """The batches of training by number, counted from 0, epoch after epoch."""

    def __init__(self, examples: Examples, batch: int, seed: int):
        self.examples, self.batch, self.seed = examples, batch, seed
        self.per_epoch = len(examples) // batch
        self.epoch, self.batches = -1, torch.empty(0)

    def at(self, number: int) -> Tensor:
        epoch, place = divmod(number, self.per_epoch)
        if epoch != self.epoch:
            self.epoch = epoch
            self.batches = order_of(epoch, len(self.examples), self.examples.lengths, self.batch, self.seed)
        return self.batches[place]


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
    alone = args.batch // WORLD if args.sync == "none" else args.batch
    if run.norms and alone < 2:
        raise SystemExit(f"--batch {args.batch}: norms see {alone} example at a time, which is its own mean; take a larger one")
    run.seed = run.counters["seed"] = run.counters["seed"] if args.seed is None else args.seed
    convert_sync(model, sync=args.sync)
    forward: nn.Module = Loss(model)
    if WORLD > 1:
        # Statistics are the same on all ranks as they are. Gradients are averaged: each rank's is that of the whole batch's loss.
        forward = DistributedDataParallel(forward, broadcast_buffers=False, find_unused_parameters=UNUSED)

    run.agree(len(training), len(validation), args.batch)
    order = Order(training, args.batch, run.seed)
    per_epoch = order.per_epoch / ACCUMULATE
    steps = args.steps or max(1, math.ceil((EPOCHS if args.epochs is None else args.epochs) * per_epoch))
    if args.steps is None and args.epochs is None and TOTAL is not None:
        steps = TOTAL
    every = args.evaluate_every or max(1, int(per_epoch + 0.5))
    say(f"{'beginning' if begin else f'going on from {start}'}, step {run.step} of {steps}; {WORLD} ranks of {DEVICE.type}, {args.batch} examples a batch")
    if run.step >= steps:
        return say(f"nothing is left to do: for more, --steps {run.step + every}")
    if RANK == 0:
        # What a process left that was killed while it wrote.
        for part in args.checkpoint.parent.glob(f".{args.checkpoint.name}.*.part"):
            part.unlink()
    said, since = run.step, time.time()
    curve = Curve(args.checkpoint.with_name("curve.jsonl"), run.step)
    while run.step < steps:
        batches = [order.at(run.step * ACCUMULATE + k) for k in range(ACCUMULATE)]
        about = run.train(forward, training, batches, learning_rate(run.step, steps, args.lr))
        epoch = math.ceil(run.step / per_epoch)
        curve.add("train", run.step, epoch, about)
        if run.step % args.say_every == 0:
            rate = (run.step - said) * ACCUMULATE * args.batch / (time.time() - since)
            words = measures_text({"loss": about["loss"], **about["metrics"]})
            say(f"step {run.step}/{steps}, epoch {epoch}: {words}; {rate:.0f} examples a second")
            said, since = run.step, time.time()
        is_due = run.step % every == 0 or run.step == steps
        if is_due:
            measures = run.measure(training, validation, args.batch, args.checkpoint.with_name("averaged.safetensors"))
            if not math.isfinite(measures["loss"]):
                raise SystemExit(f"after step {run.step}, the validation loss is {measures['loss']}; {args.checkpoint} is as before")
            curve.add("evaluation", run.step, epoch, split(measures))
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
