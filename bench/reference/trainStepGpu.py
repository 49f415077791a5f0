"""Milliseconds per training step of PyTorch + transformers (BertForSequenceClassification, AdamW) on a CUDA device.

    python bench/reference/trainStepGpu.py --sizes 16x32 --mode fp32|tf32|bf16 [--seconds 8]

fp32 is PyTorch's default; tf32 allows TF32 in matrix products; bf16 is autocast to bfloat16 over float32 weights. Dropout
0.1, sdpa attention, torch.optim.AdamW(model.parameters(), lr=2e-5). Steps follow on one another without a wait for the
device; the time is the mean over the last half of the seconds. Prints {"millisecondsPerStep", "loss", "torch", "card"}.
"""

import argparse
import json
import time

import common


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", required=True)
    parser.add_argument("--mode", choices=["fp32", "tf32", "bf16"], required=True)
    parser.add_argument("--seconds", type=float, default=8)
    args = parser.parse_args()
    import torch

    rows, length = map(int, args.sizes.split("x"))
    torch.backends.cuda.matmul.allow_tf32 = args.mode == "tf32"
    torch.manual_seed(1)
    device = torch.device("cuda")
    model = common.build_model("sdpa").to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-5)
    batch = {
        "input_ids": torch.randint(670, 21128, (rows, length), device=device),
        "token_type_ids": torch.zeros((rows, length), dtype=torch.long, device=device),
        "attention_mask": torch.ones((rows, length), dtype=torch.long, device=device),
        "labels": torch.randint(0, 3, (rows,), device=device),
    }
    batch["attention_mask"][1:, int(0.9 * length) :] = 0

    def step():
        optimizer.zero_grad()
        with torch.autocast("cuda", dtype=torch.bfloat16, enabled=args.mode == "bf16"):
            loss = model(**batch).loss
        loss.backward()
        optimizer.step()
        return loss

    def run_for(seconds):
        started, steps = time.perf_counter(), 0
        while time.perf_counter() - started < seconds:
            for _ in range(10):
                loss = step()
            steps += 10
            torch.cuda.synchronize()
        return 1000 * (time.perf_counter() - started) / steps, loss.item()

    run_for(args.seconds / 2)
    milliseconds, loss = run_for(args.seconds / 2)
    print(json.dumps({"millisecondsPerStep": milliseconds, "loss": loss, "torch": torch.__version__, "card": torch.cuda.get_device_name(0)}))


if __name__ == "__main__":
    main()
