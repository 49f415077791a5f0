"""Opens exports by Python's libraries and says how far their logits are from ours.

Reads {folders, pairs, logits, maxLength, sentenceFolders, sentences} as JSON from stdin; the last line printed is a JSON list of
{format, by, difference}. Needs torch, transformers, safetensors, onnxruntime and sentence-transformers.
"""

import json
import os
import sys

import numpy
import onnxruntime
import torch
from sentence_transformers import SentenceTransformer
from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification, AutoTokenizer

torch.set_num_threads(1)
job = json.load(sys.stdin)
folders, pairs = job["folders"], job["pairs"]
expected = numpy.array(job["logits"]).reshape(len(pairs), -1)
checks = []


def check(format, by, logits, wanted=expected):
    difference = float(numpy.abs(numpy.asarray(logits) - wanted).max()) if logits.shape == wanted.shape else 1e9
    checks.append({"format": format, "by": by, "difference": difference})


def encoded(folder, kind):
    return AutoTokenizer.from_pretrained(folder)(
        [pair["first"] for pair in pairs],
        [pair["second"] for pair in pairs],
        padding=True,
        truncation="longest_first",
        max_length=job["maxLength"],
        return_tensors=kind,
    )


@torch.no_grad()
def check_folders():
    folder = folders["huggingface"]
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    check("huggingface", "transformers from_pretrained", model(**encoded(folder, "pt")).logits.numpy())

    folder = folders["modelscope"]
    state = torch.load(os.path.join(folder, "pytorch_model.bin"), weights_only=True)
    model = AutoModelForSequenceClassification.from_config(AutoConfig.from_pretrained(folder)).eval()
    model.load_state_dict(state, strict=True)
    check("modelscope", "torch.load(weights_only=True), strict", model(**encoded(folder, "pt")).logits.numpy())
    for name in ("configuration.json", "label_mapping.json"):
        with open(os.path.join(folder, name), encoding="utf8") as file:
            json.load(file)

    folder = folders["sentence-transformers"]
    texts = [pair["first"] for pair in pairs]
    inputs = AutoTokenizer.from_pretrained(folder)(texts, padding=True, truncation=True, max_length=512, return_tensors="pt")
    states = AutoModel.from_pretrained(folders["huggingface"]).eval()(**inputs).last_hidden_state
    mask = inputs["attention_mask"][..., None].float()
    means = ((states * mask).sum(1) / mask.sum(1)).numpy()
    sentences = SentenceTransformer(folder, device="cpu")
    check("sentence-transformers", "SentenceTransformer.encode", sentences.encode(texts), means)


if "huggingface" in folders:  # a graph that came from elsewhere goes to ONNX alone
    check_folders()

for format, name in (("onnx", "model.onnx"), ("onnx-fp16", "model_fp16.onnx"), ("onnx-int8", "model_int8.onnx")):
    session = onnxruntime.InferenceSession(os.path.join(folders[format], name), providers=["CPUExecutionProvider"])
    asked = {given.name for given in session.get_inputs()}
    inputs = {key: value for key, value in encoded(folders[format], "np").items() if key in asked}
    check(format, "onnxruntime in Python", session.run(["logits"], inputs)[0])

for folder in job.get("sentenceFolders", []):
    sentences = SentenceTransformer(folder["path"], device="cpu")
    values = numpy.array(folder["embeddings"]).reshape(len(job["sentences"]), -1)
    check("sentence-transformers", folder["name"], values, sentences.encode(job["sentences"]))

print()
print(json.dumps(checks))
