"""Seconds per training step and peak memory of PyTorch + transformers (BertForSequenceClassification, AdamW).

    python bench/reference/trainStep.py batches.json [--threads 2] [--repeats 5] [--lengths 32 64 128] [--loss plain|adversarial|fgm|r_drop|masked]

The batches come from a file so that both sides of the benchmark see the same ids. JSON:

    {"32": {"inputIds": [[...], ...], "tokenTypeIds": [[...], ...], "attentionMask": [[...], ...], "labels": [...]}, ...}

or .npz with the arrays `32.inputIds`, `32.tokenTypeIds`, `32.attentionMask`, `32.labels`, ...; arrays are [batch, length].
A leading axis of several batches is allowed too ([batches, batch, length]; labels [batches, batch]); steps go round them.

Full precision, dropout 0.1, torch.optim.AdamW(model.parameters(), lr=2e-5) as ModelScope's trainer. Each measurement has a
process of its own, since peak memory cannot be reset. Prints

    {"<length>": {"secondsPerStep", "cpuShare", "peakRssBytes", "eager": {the same three}}, "environment": {...}}

where the outer figures are of transformers' default attention (sdpa) and a cpuShare well below 1 tells of a disturbed run.
"""

import argparse
import json
import subprocess
import sys

import common

NAMES = {"input_ids": "inputIds", "token_type_ids": "tokenTypeIds", "attention_mask": "attentionMask", "labels": "labels"}


def load_batches(path, length):
    import numpy
    import torch

    if path.endswith(".npz"):
        stored = numpy.load(path)
        arrays = {name: stored[f"{length}.{key}"] for name, key in NAMES.items()}
    else:
        with open(path, encoding="utf-8") as file:
            stored = json.load(file)[str(length)]
        arrays = {name: numpy.asarray(stored[key]) for name, key in NAMES.items()}
    if arrays["input_ids"].ndim == 2:
        arrays = {name: array[None] for name, array in arrays.items()}
    if arrays["input_ids"].shape[2] != length:
        sys.exit(f"{path}: the batch under {length} has length {arrays['input_ids'].shape[2]}")
    return [{name: torch.from_numpy(array[i].astype("int64")) for name, array in arrays.items()} for i in range(len(arrays["labels"]))]


def measure(path, length, attention, threads, repeats, in_turns, loss, autocast=False):
    common.set_threads(threads)
    import losses
    import torch

    batches = load_batches(path, length)
    if loss == "masked":
        model, collate = common.build_masked_model(attention)
        rows = [[{"input_ids": ids[mask.bool()].tolist()} for ids, mask in zip(b["input_ids"], b["attention_mask"])] for b in batches]
        batch_of, loss_of = lambda i: collate(rows[i % len(rows)]), losses.plain
    else:
        model = common.build_model(attention)
        batch_of, loss_of = lambda i: batches[i % len(batches)], getattr(losses, loss)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-5)
    if autocast:
        in_float32 = loss_of

        def loss_of(model, batch):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                return in_float32(model, batch)

    step = lambda i: common.train_step(model, optimizer, batch_of(i), loss_of)
    steps = common.measure_steps(step, repeats, threads, in_turns=in_turns)
    return {**steps, "peakRssBytes": common.peak_rss_bytes(), "environment": common.environment(threads)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("batches")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--lengths", type=int, nargs="+", default=[32, 64, 128])
    parser.add_argument("--one", nargs=2, metavar=("LENGTH", "ATTENTION"), help=argparse.SUPPRESS)
    parser.add_argument("--loss", default="plain", choices=["plain", "adversarial", "fgm", "r_drop", "masked"])
    parser.add_argument("--turns", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--autocast", action="store_true", help="with --one: forward pass and loss in torch.autocast, bfloat16")
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measure(args.batches, int(args.one[0]), args.one[1], args.threads, args.repeats, args.turns, args.loss, args.autocast)))
        return

    def in_own_process(length, attention):
        command = [sys.executable, __file__, args.batches, "--threads", str(args.threads), "--repeats", str(args.repeats), "--loss", args.loss, "--one", str(length), attention]
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)

    report = {}
    for length in args.lengths:
        default, eager = in_own_process(length, "sdpa"), in_own_process(length, "eager")
        report["environment"] = default.pop("environment")
        eager.pop("environment")
        report[str(length)] = {**default, "eager": eager}
    print(json.dumps(report))


if __name__ == "__main__":
    main()
