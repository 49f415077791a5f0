"""Seconds per epoch of a pair data set in PyTorch with ModelScope's defaults, extrapolated from a few steps.

    python bench/reference/epoch.py KUAKE-QQR_train.json vocab.txt [--steps 5] [--threads 2] [--first query1 --second query2 --label label]

ModelScope's defaults: every pair padded to max_length 128, batches of 32 in shuffled order, the last short one kept,
torch.optim.AdamW(lr=2e-5), default attention (sdpa), dropout 0.1, full precision. StructBERT's adversarial loss, which
costs two more forward passes and a backward pass, is left out: the reference is the cheaper plain cross-entropy.
Prints {"secondsPerEpoch", "secondsPerStep", "cpuShare", "stepsPerEpoch", "measuredSteps", "tokenizeSeconds", "rows", "peakRssBytes",
"environment"}; secondsPerEpoch is tokenization plus the median step times rows / 32 (a short batch counts by its rows).
"""

import argparse
import json
import math
import time

import common

BATCH_SIZE = 32
MAX_LENGTH = 128


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("vocab")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--first", default="query1")
    parser.add_argument("--second", default="query2")
    parser.add_argument("--label", default="label")
    parser.add_argument("--turns", action="store_true", help="a step for every line on stdin")
    args = parser.parse_args()
    common.set_threads(args.threads)
    import torch
    from transformers import BertTokenizer

    with open(args.data, encoding="utf-8") as file:
        rows = [row for row in json.load(file) if row[args.label] != "NA"]
    label_ids = {label: index for index, label in enumerate(sorted({str(row[args.label]) for row in rows}))}

    tokenizer = BertTokenizer(vocab=vocabulary(args.vocab))
    started = time.perf_counter()
    encoded = tokenizer(
        [row[args.first] for row in rows],
        [row[args.second] for row in rows],
        truncation=True,
        padding="max_length",
        max_length=MAX_LENGTH,
        return_tensors="pt",
    )
    tokenize_seconds = time.perf_counter() - started
    labels = torch.tensor([label_ids[str(row[args.label])] for row in rows])

    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(42))
    model = common.build_model("sdpa", num_labels=len(label_ids)).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-5)
    full_batches = max(1, len(rows) // BATCH_SIZE)

    def step(index):
        chosen = order[(index % full_batches) * BATCH_SIZE :][:BATCH_SIZE]
        batch = {name: tensor[chosen] for name, tensor in encoded.items()}
        return common.train_step(model, optimizer, {**batch, "labels": labels[chosen]})

    steps = common.measure_steps(step, args.steps, args.threads, in_turns=args.turns)
    print(
        json.dumps(
            {
                "secondsPerEpoch": tokenize_seconds + steps["secondsPerStep"] * len(rows) / BATCH_SIZE,
                **steps,
                "stepsPerEpoch": math.ceil(len(rows) / BATCH_SIZE),
                "measuredSteps": args.steps,
                "tokenizeSeconds": tokenize_seconds,
                "rows": len(rows),
                "peakRssBytes": common.peak_rss_bytes(),
                "environment": common.environment(args.threads),
            }
        )
    )


def vocabulary(path):
    with open(path, encoding="utf-8") as file:
        return {line.rstrip("\n"): index for index, line in enumerate(file)}


if __name__ == "__main__":
    main()
