#!/usr/bin/env python3
"""PyTorch's LSTM on the tasks of docs/results.md: `own_data.py TASK PATH SEED [--option value…]`, which prints a JSON line.

It reads the files by itself, and divides, scales and cuts them as the commands in that page do: the same examples in each part, the
same sizes, steps, rates and evaluations, the best model by its loss on the validation part. Parameters and orders are PyTorch's own.
"""

import argparse
import copy
import csv
import glob
import gzip
import json
import math

import numpy as np
import torch
import torch.nn.functional as F

torch.set_num_threads(1)


def read(path):
    with (gzip.open if path.endswith(".gz") else open)(path, "rb") as file:
        return file.read().decode("utf-8")


def part_of(folder, word):
    """The text of the only file of a folder, or of those that match a pattern, with a word in its name."""
    (path,) = [path for path in glob.glob(folder if "*" in folder else f"{folder}/*") if word in path.rsplit("/", 1)[-1]]
    return read(path)


class Model(torch.nn.Module):
    def __init__(self, inputs, hidden, outputs, vocabulary=None):
        super().__init__()
        self.embedding = torch.nn.Embedding(vocabulary, inputs) if vocabulary else None
        self.lstm = torch.nn.LSTM(inputs, hidden)
        self.readout = torch.nn.Linear(hidden, outputs)

    def states(self, x):
        """x [T, B] or [T, B, D]; gives [T, B, H]."""
        return self.lstm(self.embedding(x) if self.embedding else x)[0]


def train(model, options, count, loss_of, measure):
    """`loss_of(indices)` is a batch's loss, `measure(part)` a part's loss and other numbers."""
    made = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[options.optimizer]
    decays = {"weight_decay": options.weight_decay} if options.optimizer == "adamw" else {}
    optimizer = made(model.parameters(), lr=options.lr, **decays)
    best = (math.inf, 0, None)
    order, at = torch.randperm(count), 0
    for step in range(1, options.steps + 1):
        if at + options.batch > count:
            order, at = torch.randperm(count), 0
        rate = 0.5 * (1 + math.cos(math.pi * (step - 1) / options.steps)) if options.decay == "cosine" else 1
        for group in optimizer.param_groups:
            group["lr"] = options.lr * rate
        optimizer.zero_grad()
        loss_of(order[at : at + options.batch]).backward()
        at += options.batch
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1)
        optimizer.step()
        if step % options.evaluate_every == 0 or step == options.steps:
            with torch.no_grad():
                loss = measure("validation")["loss"]
            if loss < best[0]:
                best = (loss, step, copy.deepcopy(model.state_dict()))
    model.load_state_dict(best[2])
    with torch.no_grad():
        return {"step": best[1], "validation": best[0], **measure("test")}


def forecast(options):
    """A table: the change of a column over the next `horizon` steps, after windows of columns."""
    rows = list(csv.reader(read(options.path).splitlines()))
    columns = [c for c in range(1, len(rows[0])) if options.x is None or rows[0][c] in options.x.split(",")]
    target = rows[0].index(options.target)
    table = np.array([[float(row[c]) for c in columns] for row in rows[1:]])
    aim = np.array([float(row[target]) for row in rows[1:]])
    shares = [float(share) for share in options.split.split(",")]
    train_end = math.floor(shares[0] * len(aim) + 1e-6)
    test_begin = len(aim) - math.floor(shares[2] * len(aim) + 1e-6)
    parts = {"train": (0, train_end), "validation": (train_end, test_begin), "test": (test_begin, len(aim))}
    x = torch.tensor((table - table[:train_end].mean(0)) / table[:train_end].std(0), dtype=torch.float32)
    window, horizon = options.window, options.horizon
    y = np.stack([aim[window + h : len(aim) - horizon + h + 1] for h in range(horizon)], 1)
    y = y - aim[window - 1 : len(aim) - horizon][:, None]
    # Changes over the whole horizon have the deviation 1.
    spread = (aim[horizon:train_end] - aim[: train_end - horizon]).std()
    goal = torch.tensor(y / spread, dtype=torch.float32)
    starts = {part: torch.arange(begin, end - window - horizon + 1) for part, (begin, end) in parts.items()}
    model = Model(len(columns), options.hidden, horizon)

    def predicted(indices):
        return model.readout(model.states(torch.stack([x[i : i + window] for i in indices], 1))[-1])

    def measure(part):
        errors = torch.cat([predicted(some) - goal[some] for some in starts[part].split(512)]).double()
        persistence = goal[starts[part]].double()
        return {
            "loss": (errors**2).mean().item(),
            "mae": errors.abs().mean().item() * spread,
            "rmse": (errors**2).mean().sqrt().item() * spread,
            "persistence_mae": persistence.abs().mean().item() * spread,
            "persistence_rmse": (persistence**2).mean().sqrt().item() * spread,
        }

    def loss_of(indices):
        some = starts["train"][indices]
        return F.mse_loss(predicted(some), goal[some])

    return train(model, options, len(starts["train"]), loss_of, measure)


def numbered(parts):
    """Symbols as their places in the vocabulary of the training part; one place more for those that it lacks."""
    places = {symbol: at for at, symbol in enumerate(sorted({symbol for words in parts["train"] for symbol in words}))}
    size = len(places) + 1
    return size, {
        part: [torch.tensor([places.get(symbol, size - 1) for symbol in words]) for words in sequences]
        for part, sequences in parts.items()
    }


def padded(sequences):
    return torch.nn.utils.rnn.pad_sequence(sequences), torch.tensor([len(of) for of in sequences])


def language(options, parts):
    """Sequences of symbols: the next one at each step."""
    size, parts = numbered(parts)
    model = Model(options.embedding, options.hidden, size, size)

    def sums(sequences):
        w, lengths = padded(sequences)
        logits = model.readout(model.states(w[:-1]))
        valid = torch.arange(len(w) - 1)[:, None] < (lengths - 1)[None]
        losses = F.cross_entropy(logits[valid], w[1:][valid], reduction="sum")
        return losses, (logits.argmax(2) == w[1:])[valid].sum(), valid.sum()

    def measure(part):
        sequences = sorted(parts[part], key=len)
        totals = [sums(sequences[at : at + 64]) for at in range(0, len(sequences), 64)]
        loss, correct, count = (float(sum(of)) for of in zip(*totals))
        return {"loss": loss / count, "bits": loss / count / math.log(2), "accuracy": correct / count}

    def loss_of(indices):
        losses, _, count = sums([parts["train"][i] for i in indices])
        return losses / count

    return train(model, options, len(parts["train"]), loss_of, measure)


WORDS = {"train": "train", "validation": "valid", "test": "test"}


def keys(options):
    """A session of keys on each line of three files, and its end."""
    return language(
        options,
        {part: [[*line.split(), "end"] for line in part_of(options.path, word).splitlines()] for part, word in WORDS.items()},
    )


def characters(options):
    """Characters with a space after each; windows that follow one another, and the character after each step of them."""
    parts = {part: part_of(options.path, word)[0::2] for part, word in WORDS.items()}
    steps = options.window
    return language(
        options,
        {part: [text[at : at + steps + 1] for at in range(0, len(text) - steps, steps)] for part, text in parts.items()},
    )


def stories(options):
    """Questions of bAbI: the answer, after the story and the question."""
    import re

    words = lambda text: re.findall(r"[\w@'-]+|[^\s]", text.lower())
    parts, answers = {}, {}
    for part, word in WORDS.items():
        parts[part], answers[part], story = [], [], []
        for line in part_of(options.path, word).splitlines():
            number, sentence = line.split(" ", 1)
            story = [] if number == "1" else story
            if "\t" not in sentence:
                story = story + words(sentence)
                continue
            question, answer, _ = sentence.split("\t")
            parts[part].append(story + words(question))
            answers[part].append(answer.strip().lower())
    classes = sorted(set(answers["train"]))
    size, parts = numbered(parts)
    answers = {part: torch.tensor([classes.index(one) for one in of]) for part, of in answers.items()}
    model = Model(options.embedding, options.hidden, len(classes), size)

    def logits_of(part, indices):
        w, lengths = padded([parts[part][i] for i in indices])
        return model.readout(model.states(w)[lengths - 1, torch.arange(len(lengths))])

    def measure(part):
        logits = torch.cat([logits_of(part, some) for some in torch.arange(len(parts[part])).split(64)])
        correct = (logits.argmax(1) == answers[part]).double().mean().item()
        return {"loss": F.cross_entropy(logits, answers[part]).item(), "accuracy": correct}

    def loss_of(indices):
        return F.cross_entropy(logits_of("train", indices), answers["train"][indices])

    return train(model, options, len(parts["train"]), loss_of, measure)


TASKS = {"forecast": forecast, "keys": keys, "characters": characters, "stories": stories}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("path")
    parser.add_argument("seed", type=int)
    for name, default in {
        "hidden": 64, "embedding": 32, "window": 96, "horizon": 24, "steps": 1000, "evaluate-every": 100, "batch": 64,
        "lr": 1e-3, "weight-decay": 0.01,
    }.items():
        parser.add_argument(f"--{name}", type=type(default), default=default)
    parser.add_argument("--x")
    parser.add_argument("--target")
    parser.add_argument("--split", default="0.8,0.1,0.1")
    parser.add_argument("--optimizer", default="adam")
    parser.add_argument("--decay", default="none")
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    print(json.dumps({"task": options.task, "seed": options.seed, **TASKS[options.task](options)}))
