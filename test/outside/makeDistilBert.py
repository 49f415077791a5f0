"""A small DistilBERT as an ONNX graph, whose architecture is not ours to build: python makeDistilBert.py PAIRS.json FOLDER

Exported as optimum does it (torch.onnx, dynamic axes, last_hidden_state); the weights are random.
"""

import json
import os
import sys
import warnings

import torch
from transformers import DistilBertConfig, DistilBertModel

warnings.filterwarnings("ignore")
pairs, folder = sys.argv[1:]
with open(pairs, encoding="utf-8") as file:
    characters = sorted({character for row in json.load(file) for character in row["query1"] + row["query2"]} - {" "})
vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys(character.lower() for character in characters)]
torch.manual_seed(3)
config = DistilBertConfig(vocab_size=len(vocabulary), dim=64, n_layers=2, n_heads=4, hidden_dim=128,
                          max_position_embeddings=128, attn_implementation="eager")
os.makedirs(folder)
config.save_pretrained(folder)


class Encoder(DistilBertModel):
    def forward(self, input_ids, attention_mask):
        return super().forward(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state


names = ["input_ids", "attention_mask"]
sample = torch.ones(2, 6, dtype=torch.int64)
axes = {name: {0: "batch", 1: "sequence"} for name in [*names, "last_hidden_state"]}
torch.onnx.export(Encoder(config).eval(), (sample, sample), os.path.join(folder, "model.onnx"), input_names=names,
                  output_names=["last_hidden_state"], dynamic_axes=axes, opset_version=14, dynamo=False)
with open(os.path.join(folder, "vocab.txt"), "w", encoding="utf-8") as file:
    file.write("\n".join(vocabulary) + "\n")
