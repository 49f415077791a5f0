"""Pairs per second of PyTorch + transformers on a file of pairs, padded per batch as transformers does.

    python bench/reference/inference.py KUAKE-QQR_dev.json vocab.txt [--threads 2] [--limit N] [--first query1 --second query2]

Batches of 32 in the file's order, each padded to its longest pair (max_length 128), torch.inference_mode, eval mode,
default attention (sdpa). Tokenization is timed apart. `--limit` takes every k-th batch only, so that a short run still
sees lengths from the whole file. Prints {"pairsPerSecond", "seconds", "cpuShare", "pairs", "tokenizeSeconds", "meanPaddedLength",
"peakRssBytes", "environment"}.
"""

import argparse
import json
import time

import common
from epoch import vocabulary

BATCH_SIZE = 32


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("vocab")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--limit", type=int, default=0, help="about how many pairs to run (0: all)")
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--first", default="query1")
    parser.add_argument("--second", default="query2")
    parser.add_argument("--turns", action="store_true", help="a pass over the pairs for every line on stdin")
    args = parser.parse_args()
    common.set_threads(args.threads)
    import torch
    from transformers import BertTokenizer

    with open(args.data, encoding="utf-8") as file:
        rows = json.load(file)
    tokenizer = BertTokenizer(vocab=vocabulary(args.vocab))
    model = common.build_model("sdpa").eval()

    batches = [rows[start : start + BATCH_SIZE] for start in range(0, len(rows), BATCH_SIZE)]
    if args.limit:
        batches = batches[:: max(1, len(rows) // args.limit)]
    started = time.perf_counter()
    encoded = [
        tokenizer(
            [row[args.first] for row in batch],
            [row[args.second] for row in batch],
            truncation=True,
            padding=True,
            max_length=args.max_length,
            return_tensors="pt",
        )
        for batch in batches
    ]
    tokenize_seconds = time.perf_counter() - started

    def one_pass(_):
        started = time.perf_counter()
        for batch in encoded:
            model(**batch).logits.argmax(-1)
        return time.perf_counter() - started

    with torch.inference_mode():
        for batch in encoded[:2]:
            model(**batch)
        passes = common.measure_steps(one_pass, 1, args.threads, warm_ups=0, in_turns=args.turns)
    seconds = passes["secondsPerStep"]
    pairs = sum(len(batch) for batch in batches)
    print(
        json.dumps(
            {
                "pairsPerSecond": pairs / seconds,
                "seconds": seconds,
                "cpuShare": passes["cpuShare"],
                "pairs": pairs,
                "tokenizeSeconds": tokenize_seconds,
                "meanPaddedLength": sum(batch["input_ids"].numel() for batch in encoded) / pairs,
                "peakRssBytes": common.peak_rss_bytes(),
                "environment": common.environment(args.threads),
            }
        )
    )


if __name__ == "__main__":
    main()
