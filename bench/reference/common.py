"""What the reference measurements share: the model, the threads, medians and the environment they ran in."""

import json
import os
import platform
import resource
import statistics
import sys
import time


def set_threads(threads):
    """Must run before torch is imported, so that every library underneath takes the same number."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(threads)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch

    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)


def build_model(attention, num_labels=3, seed=1):
    """BERT-base with the Chinese vocabulary and random weights: 12 layers, 768 wide, 12 heads, 3072 in between."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=21128,
        hidden_size=768,
        num_hidden_layers=12,
        num_attention_heads=12,
        intermediate_size=3072,
        hidden_dropout_prob=0.1,
        attention_probs_dropout_prob=0.1,
        num_labels=num_labels,
        attn_implementation=attention,
    )
    return BertForSequenceClassification(config)


def build_masked_model(attention, seed=1):
    """The same encoder under BertForMaskedLM, and transformers' collator, whose mask token is id 103."""
    import torch
    from transformers import BertForMaskedLM, BertTokenizer, DataCollatorForLanguageModeling

    config = build_model(attention, seed=seed).config
    torch.manual_seed(seed)
    names = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]"}
    tokenizer = BertTokenizer(vocab={names.get(i, f"t{i}"): i for i in range(config.vocab_size)})
    return BertForMaskedLM(config), DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.15)


def train_step(model, optimizer, batch, loss_of=lambda model, batch: model(**batch).loss):
    """One full step, as a training loop does it; returns the seconds it took."""
    started = time.perf_counter()
    optimizer.zero_grad()
    loss = loss_of(model, batch)
    loss.backward()
    optimizer.step()
    loss.item()
    return time.perf_counter() - started


def measure_steps(run, repeats, threads, warm_ups=2, in_turns=False):
    """The median of `repeats` runs of `run(index)` (which returns its seconds), after the warm-ups.

    `cpuShare` is the processor time used, of what the threads could have used: well below 1 means that other programs
    were running and the figures say little. With `in_turns` each run waits for a line on stdin (see turns()).
    """
    for index in range(warm_ups):
        run(index)
    seconds, cpu_seconds = [], 0.0
    for index in turns(seconds) if in_turns else range(repeats):
        cpu = time.process_time()
        seconds.append(run(warm_ups + index))
        cpu_seconds += time.process_time() - cpu
    return summary(seconds, cpu_seconds, threads)


def summary(seconds, cpu_seconds, threads):
    return {
        "secondsPerStep": statistics.median(seconds),
        "cpuShare": round(cpu_seconds / (sum(seconds) * threads), 3),
    }


def turns(seconds):
    """Yields an index for every line on stdin, until its end, and answers each with what was appended to `seconds`.

    So two programs can be measured step by step in turn, and whatever else the machine does meets both alike.
    """
    say({"ready": True})
    for index, _ in enumerate(iter(sys.stdin.readline, "")):
        yield index
        say({"seconds": seconds[-1]})


def say(message):
    """A line of JSON on the stdout that the process was started with."""
    print(json.dumps(message), file=sys.__stdout__, flush=True)


def peak_rss_bytes():
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def environment(threads):
    import torch
    import transformers

    return {
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "python": platform.python_version(),
        "threads": threads,
        "machine": platform.machine(),
    }
