"""A small ELECTRA discriminator with narrow embeddings, as hubs have them: python makeElectra.py PAIRS.json FOLDER

Its vocabulary is the characters of the pairs, the weights are random; `finetune` gives it its head.
"""

import json
import os
import sys

import torch
from transformers import ElectraConfig, ElectraForPreTraining

pairs, folder = sys.argv[1:]
with open(pairs, encoding="utf-8") as file:
    characters = sorted({character for row in json.load(file) for character in row["query1"] + row["query2"]} - {" "})
vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys(character.lower() for character in characters)]
torch.manual_seed(2)
sizes = dict(embedding_size=32, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128)
config = ElectraConfig(vocab_size=len(vocabulary), max_position_embeddings=128, **sizes)
os.makedirs(folder)
config.save_pretrained(folder)
torch.save(ElectraForPreTraining(config).state_dict(), os.path.join(folder, "pytorch_model.bin"))
with open(os.path.join(folder, "vocab.txt"), "w", encoding="utf-8") as file:
    file.write("\n".join(vocabulary) + "\n")
