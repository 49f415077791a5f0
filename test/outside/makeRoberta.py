"""A small RoBERTa with byte-level BPE, as its own people save one: python makeRoberta.py PAIRS.json FOLDER

The tokenizer is trained on the texts of the pairs, the weights are random; `finetune` gives it its head.
"""

import json
import sys

import torch
from tokenizers import ByteLevelBPETokenizer
from transformers import RobertaConfig, RobertaModel, RobertaTokenizerFast

pairs, folder = sys.argv[1:]
with open(pairs, encoding="utf-8") as file:
    texts = [row[name] for row in json.load(file) for name in ("query1", "query2")]
special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
bpe = ByteLevelBPETokenizer()
bpe.train_from_iterator(texts, vocab_size=2000, min_frequency=2, special_tokens=special, show_progress=False)
RobertaTokenizerFast(tokenizer_object=bpe._tokenizer, model_max_length=126).save_pretrained(folder)
torch.manual_seed(1)
sizes = dict(hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128)
config = RobertaConfig(vocab_size=bpe.get_vocab_size(), max_position_embeddings=130, type_vocab_size=1, **sizes)
RobertaModel(config).save_pretrained(folder)
