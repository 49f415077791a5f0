"""Seconds per epoch of a pair data set by ModelScope's own trainer (nlp-base-trainer), extrapolated from a few steps.

    python bench/reference/modelscopeEpoch.py KUAKE-QQR_train.json vocab.txt [--loss adversarial|plain] [--batch-size 8] [--steps 2] [--threads 2]

The Python has modelscope 1.36.3 and transformers 4.57.6 (bench/README.md). A StructBERT-base with random weights (12/768/12/3072) and a
configuration.json go into a temporary folder. The rows are a data set in memory. The trainer follows the published recipe: `sen-sim-tokenizer`,
which pads every pair to 128; AdamW(lr=2e-5); LinearLR by step; no clipping; dropout 0.1; full precision; seed 42.

`adversarial` is StructBERT's default loss (adv_grad_factor 5e-5), `plain` has "adv_grad_factor": null in config.json. Without --loss both are
measured, each in a process of its own: adversarial at batch 8, plain at batch 32. Adversarial at batch 32, which is the published batch, keeps
three forward passes of 32 x 128 in memory and was killed at 16.5 GB, so it is left out.

A step is a turn of the trainer's loop: the batch is fetched and tokenized, then come forward, backward, AdamW and the hooks. The first step is
not timed. Prints, by loss,

    {"loss", "advGradFactor", "batchSize", "paddedLength", "secondsPerEpoch", "secondsPerStep", "cpuShare", "stepsPerEpoch", "measuredSteps", "rows",
     "peakRssBytes", "environment"}

where secondsPerEpoch is the median step times rows / batch size. Loading the model, checkpoints and evaluation are not in it.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time

import common

BATCH_SIZES = {"adversarial": 8, "plain": 32}
KEYS = {"first_sequence": "query1", "second_sequence": "query2", "label": "label"}


class Enough(Exception):
    """Ends the trainer's loop before its epoch, without a checkpoint."""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("vocab")
    parser.add_argument("--loss", choices=list(BATCH_SIZES))
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--turns", action="store_true", help="a step for every line on stdin; with --loss")
    args = parser.parse_args()
    if args.loss:
        # What ModelScope prints must not stand between the lines of JSON.
        sys.stdout = sys.stderr
        with tempfile.TemporaryDirectory(prefix="medtext-modelscope-") as folder:
            report = measure(args, args.batch_size or BATCH_SIZES[args.loss], folder)
        common.say(report)
        return
    reports = {}
    for loss, batch_size in BATCH_SIZES.items():
        command = [sys.executable, __file__, args.data, args.vocab, "--loss", loss, "--batch-size", str(args.batch_size or batch_size), "--steps", str(args.steps), "--threads", str(args.threads)]
        reports[loss] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    print(json.dumps(reports))


def measure(args, batch_size, folder):
    common.set_threads(args.threads)
    # The caches of ModelScope and datasets go where everything else is deleted.
    os.environ["MODELSCOPE_CACHE"] = os.path.join(folder, "cache")
    os.environ["HF_HOME"] = os.path.join(folder, "cache")
    with open(args.data, encoding="utf-8") as file:
        rows = [{key: str(row[key]) for key in KEYS.values()} for row in json.load(file) if row["label"] != "NA"]
    model = write_model(os.path.join(folder, "model"), args.vocab, sorted({row["label"] for row in rows}), len(rows), batch_size, args.loss)

    import modelscope
    from datasets import Dataset
    from modelscope.metainfo import Trainers
    from modelscope.msdatasets import MsDataset
    from modelscope.trainers import build_trainer
    from modelscope.trainers.hooks import Hook, Priority

    seconds, cpu_seconds = [], []

    class Turns(Hook):
        """Times the steps after the first one; between two of them it waits for its turn."""

        PRIORITY = Priority.LOWEST

        def __init__(self):
            self.turns = common.turns(seconds) if args.turns else iter(range(args.steps))
            self.started = None

        def after_train_iter(self, trainer):
            if self.started:
                seconds.append(time.perf_counter() - self.started[0])
                cpu_seconds.append(time.process_time() - self.started[1])
            if next(self.turns, None) is None:
                raise Enough
            self.started = time.perf_counter(), time.process_time()

    trainer = build_trainer(
        Trainers.nlp_base_trainer,
        {
            "model": model,
            "train_dataset": MsDataset.to_ms_dataset(Dataset.from_list(rows)),
            "work_dir": os.path.join(folder, "work"),
            "device": "cpu",
            "callbacks": [Turns()],
        },
    )
    try:
        trainer.train()
    except Enough:
        pass
    steps = common.summary(seconds, sum(cpu_seconds), args.threads)
    return {
        "loss": args.loss,
        "advGradFactor": trainer.model.config.adv_grad_factor,
        "batchSize": batch_size,
        "paddedLength": trainer.train_dataset[0]["input_ids"].shape[-1],
        "secondsPerEpoch": steps["secondsPerStep"] * len(rows) / batch_size,
        **steps,
        "stepsPerEpoch": math.ceil(len(rows) / batch_size),
        "measuredSteps": len(seconds),
        "rows": len(rows),
        "peakRssBytes": common.peak_rss_bytes(),
        "environment": {"modelscope": modelscope.__version__, **common.environment(args.threads)},
    }


def write_model(folder, vocab, labels, row_count, batch_size, loss):
    """A StructBERT-base with random weights as ModelScope has it; returns the folder."""
    import shutil

    import torch
    from modelscope.models.nlp.structbert import SbertConfig, SbertForSequenceClassification

    os.makedirs(folder)
    shutil.copyfile(vocab, os.path.join(folder, "vocab.txt"))
    config = {
        "model_type": "structbert",
        "vocab_size": 21128,
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
        "layer_norm_eps": 1e-12,
        **({"adv_grad_factor": None} if loss == "plain" else {}),
    }
    configuration = {
        "framework": "pytorch",
        "task": "sentence-similarity",
        "preprocessor": {"type": "sen-sim-tokenizer"},
        "model": {"type": "structbert"},
        "dataset": {"train": {"labels": labels, **KEYS}},
        "train": {
            "max_epochs": 1,
            "dataloader": {"batch_size_per_gpu": batch_size, "workers_per_gpu": 0},
            "optimizer": {"type": "AdamW", "lr": 2e-5},
            "lr_scheduler": {
                "type": "LinearLR",
                "start_factor": 1.0,
                "end_factor": 0.0,
                "total_iters": row_count // batch_size,
                "options": {"by_epoch": False},
            },
        },
        "evaluation": {"dataloader": {"batch_size_per_gpu": batch_size, "workers_per_gpu": 0, "shuffle": False}},
    }
    for name, content in {"config.json": config, "configuration.json": configuration}.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            json.dump(content, file, indent=2)
    torch.manual_seed(1)
    model = SbertForSequenceClassification(SbertConfig(**config, num_labels=len(labels)))
    torch.save(model.state_dict(), os.path.join(folder, "pytorch_model.bin"))
    return folder


if __name__ == "__main__":
    main()
