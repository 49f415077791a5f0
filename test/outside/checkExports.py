"""Opens exports by Python's libraries and says how far their logits are from ours.

Reads {head, folders, pairs, outputs, maxLength, sentenceFolders, sentences}, or {masked}, as JSON from stdin; `outputs` has a list
for each pair, of its own tokens where the head gives something of each. The last line printed is a JSON list of
{format, by, difference}. Needs torch, transformers, safetensors, onnxruntime and sentence-transformers.
"""

import json
import os
import sys

import numpy
import torch
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
)

torch.set_num_threads(1)
job = json.load(sys.stdin)
head, folders, pairs = job.get("head"), job.get("folders", {}), job.get("pairs", [])
expected = [numpy.array(output) for output in job.get("outputs", [])]
AutoModelWithHead = AutoModelForTokenClassification if head == "bio" else AutoModelForSequenceClassification
checks = []


def apart(values, wanted):
    return float(numpy.abs(values - wanted).max()) if values.shape == wanted.shape else 1e9


def compare(format, by, values, wanted):
    checks.append({"format": format, "by": by, "difference": apart(numpy.asarray(values), wanted)})


def check(format, by, outputs, inputs):
    """Outputs of all pairs, without what is said of padding, and the tags where a token has one."""
    own = []
    for output, length in zip(numpy.asarray(outputs), numpy.asarray(inputs["attention_mask"]).sum(1)):
        own.append(output if head == "sequence" else output[:length] if head == "bio" else output[:, :length, :length])
    pairs_apart = [apart(output.reshape(-1), wanted) for output, wanted in zip(own, expected, strict=True)]
    checks.append({"format": format, "by": by, "difference": max(pairs_apart)})
    if head == "bio":
        tags = [(output.argmax(-1), wanted.reshape(output.shape).argmax(-1)) for output, wanted in zip(own, expected)]
        wrong = sum(int((ours != theirs).sum()) for ours, theirs in tags)
        share = wrong / sum(theirs.size for _, theirs in tags)
        checks.append({"format": format, "by": by.split(",")[0] + ", tags", "difference": share})


def encoded(folder, kind):
    return AutoTokenizer.from_pretrained(folder)(
        [pair["first"] for pair in pairs],
        [pair["second"] for pair in pairs] if head == "sequence" else None,
        padding=True,
        truncation="longest_first" if head == "sequence" else True,
        max_length=job["maxLength"],
        return_tensors=kind,
    )


@torch.no_grad()
def check_folders():
    folder = folders["huggingface"]
    model = AutoModelWithHead.from_pretrained(folder).eval()
    inputs = encoded(folder, "pt")
    check("huggingface", "transformers from_pretrained", model(**inputs).logits, inputs)

    folder = folders["modelscope"]
    state = torch.load(os.path.join(folder, "pytorch_model.bin"), weights_only=True)
    model = AutoModelWithHead.from_config(AutoConfig.from_pretrained(folder)).eval()
    model.load_state_dict(state, strict=True)
    inputs = encoded(folder, "pt")
    check("modelscope", "torch.load(weights_only=True), strict", model(**inputs).logits, inputs)
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
    compare("sentence-transformers", "SentenceTransformer.encode", sentences.encode(texts), means)


@torch.no_grad()
def check_masked(model, huggingface, modelscope, text, logits, likeliest):
    tokenizer = AutoTokenizer.from_pretrained(model)
    inputs = tokenizer(text, return_tensors="pt")
    places = inputs["input_ids"][0] == tokenizer.mask_token_id
    wanted = numpy.array(logits).reshape(int(places.sum()), -1)

    def of(network):
        return network.eval()(**inputs).logits[0][places].numpy()

    for format, folder, by in (
        ("huggingface", model, "BertForMaskedLM, the run's own folder"),
        ("huggingface", huggingface, "BertForMaskedLM.from_pretrained"),
    ):
        network, said = AutoModelForMaskedLM.from_pretrained(folder, output_loading_info=True)
        compare(format, by, of(network), wanted)
        checks.append({"format": format, "by": "  weights that it misses", "difference": float(len(said["missing_keys"]))})

    state = torch.load(os.path.join(modelscope, "pytorch_model.bin"), weights_only=True)
    network = AutoModelForMaskedLM.from_config(AutoConfig.from_pretrained(modelscope))
    missing = network.load_state_dict(state, strict=False).missing_keys
    compare("modelscope", "torch.load(weights_only=True)", of(network), wanted)
    checks.append({"format": "modelscope", "by": "  weights that it misses", "difference": float(len(missing))})
    try:
        from modelscope.pipelines import pipeline
    except ImportError:
        return
    filled = pipeline("fill-mask", model=modelscope)
    theirs = filled.model(**inputs)
    compare("modelscope", "ModelScope's fill-mask model", theirs["logits"][0][places].numpy(), wanted)
    told = filled(text)["text"]
    answer = tokenizer.tokenize(told if isinstance(told, str) else told[0])
    asked = tokenizer.tokenize(text)
    found = [token for token, was in zip(answer, asked) if was == tokenizer.mask_token]
    checks.append({"format": "modelscope", "by": "ModelScope's pipeline, its words", "difference": float(found != likeliest)})


if "masked" in job:
    check_masked(**job["masked"])
    print()
    print(json.dumps(checks))
    sys.exit()

import onnxruntime  # noqa: E402  (ModelScope's package wants versions beside which these two need not work)
from sentence_transformers import SentenceTransformer  # noqa: E402

if "huggingface" in folders:  # a graph that came from elsewhere goes to ONNX alone, and so does a head of spans
    check_folders()

for format, name in (("onnx", "model.onnx"), ("onnx-fp16", "model_fp16.onnx"), ("onnx-int8", "model_int8.onnx")):
    session = onnxruntime.InferenceSession(os.path.join(folders[format], name), providers=["CPUExecutionProvider"])
    asked = {given.name for given in session.get_inputs()}
    given = encoded(folders[format], "np")
    # A tokenizer may give none, as multilingual ones do; what calls ONNX files for a person then gives zeros.
    given.setdefault("token_type_ids", numpy.zeros_like(given["input_ids"]))
    name = session.get_outputs()[0].name
    inputs = {key: value for key, value in given.items() if key in asked}
    check(format, "onnxruntime in Python", session.run([name], inputs)[0], given)

for folder in job.get("sentenceFolders", []):
    sentences = SentenceTransformer(folder["path"], device="cpu")
    values = numpy.array(folder["embeddings"]).reshape(len(job["sentences"]), -1)
    compare("sentence-transformers", folder["name"], sentences.encode(job["sentences"]), values)

print()
print(json.dumps(checks))
