"""One pair, a file of pairs, or the vectors of texts, by PyTorch, onnxruntime for Python or sentence-transformers.

    python bench/reference/scoring.py transformers|onnxruntime|sentence-transformers TASK.json

TASK.json is what bench/scoring.ts writes: {"work", "folder", "onnx", "pairs", "maxLength", "threads"}. A turn for every line on stdin
(see common.turns). Batches of 32 in the file's order, each padded to its longest, torch.inference_mode, attention sdpa.
Prints {"secondsPerStep", "cpuShare", "openSeconds", "firstSeconds", "openRssBytes", "peakRssBytes", "environment"}.
"""

import json
import sys
import time

import common

BATCH = 32
HOVERS_A_TURN = 5


def main():
    side, path = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        task = json.load(file)
    common.set_threads(task["threads"])
    started = time.perf_counter()
    compute, versions = SIDES[side](task)
    open_seconds = time.perf_counter() - started
    started = time.perf_counter()
    compute()
    first_seconds = time.perf_counter() - started
    open_rss_bytes = rss_bytes()
    times = HOVERS_A_TURN if task["work"] == "hover" else 1

    def turn(_):
        started = time.perf_counter()
        for _ in range(times):
            compute()
        return time.perf_counter() - started

    measured = common.measure_steps(turn, 1, task["threads"], warm_ups=0, in_turns=True)
    print(
        json.dumps(
            {
                **measured,
                "openSeconds": open_seconds,
                "firstSeconds": first_seconds,
                "openRssBytes": open_rss_bytes,
                "peakRssBytes": common.peak_rss_bytes(),
                "environment": {**common.environment(task["threads"]), **versions},
            }
        )
    )


def transformers(task):
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(task["onnx"])
    model = AutoModelForSequenceClassification.from_pretrained(task["folder"], attn_implementation="sdpa").eval()

    def compute():
        with torch.inference_mode():
            for batch in encoded(tokenizer, task, "pt"):
                model(**batch).logits.numpy()

    return compute, {}


def onnxruntime(task):
    import onnxruntime
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(task["onnx"])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = task["threads"]
    session = onnxruntime.InferenceSession(task["onnx"] + "/model.onnx", options, providers=["CPUExecutionProvider"])
    names = {given.name for given in session.get_inputs()}

    def compute():
        for batch in encoded(tokenizer, task, "np"):
            session.run(None, {name: value for name, value in batch.items() if name in names})

    return compute, {"onnxruntime": onnxruntime.__version__}


def sentence_transformers(task):
    import sentence_transformers

    model = sentence_transformers.SentenceTransformer(task["folder"], device="cpu")
    texts = [text for pair in task["pairs"] for text in pair]
    return (lambda: model.encode(texts)), {"sentenceTransformers": sentence_transformers.__version__}


def encoded(tokenizer, task, kind):
    pairs = task["pairs"]
    for start in range(0, len(pairs), BATCH):
        first, second = zip(*pairs[start : start + BATCH])
        yield tokenizer(
            list(first), list(second), truncation=True, padding=True, max_length=task["maxLength"], return_tensors=kind
        )


def rss_bytes():
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * 4096
    except OSError:
        return common.peak_rss_bytes()


SIDES = {"transformers": transformers, "onnxruntime": onnxruntime, "sentence-transformers": sentence_transformers}

if __name__ == "__main__":
    main()
