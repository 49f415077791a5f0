"""A BERT-base checkpoint as PyTorch writes it: pytorch_model.bin of about 410 MB, config.json and vocab.txt.

    python bench/reference/makeCheckpoint.py vocab.txt folder

The encoder with its pooler, random weights; the vocabulary is filled with unused tokens up to 21,128.
Prints {"bytes", "parameters"}.
"""

import json
import os
import sys

import common

VOCABULARY = 21128


def main():
    vocab, folder = sys.argv[1:]
    common.set_threads(1)
    import torch

    bert = common.build_model("eager").bert
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "pytorch_model.bin")
    torch.save(bert.state_dict(), path)
    bert.config.to_json_file(os.path.join(folder, "config.json"))
    with open(vocab, encoding="utf-8") as file:
        tokens = [line.rstrip("\n") for line in file][:VOCABULARY]
    tokens += [f"[unused_{index}]" for index in range(len(tokens), VOCABULARY)]
    with open(os.path.join(folder, "vocab.txt"), "w", encoding="utf-8") as file:
        file.write("\n".join(tokens) + "\n")
    print(json.dumps({"bytes": os.path.getsize(path), "parameters": sum(p.numel() for p in bert.parameters())}))


if __name__ == "__main__":
    main()
