"""The losses of several forward passes as PyTorch users write them, over transformers' BertForSequenceClassification.

`adversarial` is modelscope 1.36.3's compute_adv_loss (models/nlp/structbert/adv_utils.py) with the published values, `fgm` is
arXiv 1605.07725 with one example's norm, `r_drop` is arXiv 2106.14448.
"""

import torch
import torch.nn.functional as F

LABELS = 3


def embedded(model, batch):
    """Word embeddings, and the batch that reads them in the place of ids."""
    embeddings = model.bert.embeddings.word_embeddings(batch["input_ids"])
    rest = {name: value for name, value in batch.items() if name not in ("input_ids", "labels")}
    return embeddings, lambda e: model(inputs_embeds=e, **rest).logits


def symmetric_kl(a, b):
    kl = torch.nn.KLDivLoss(reduction="none")
    return (kl(a.log_softmax(-1), b.softmax(-1)) + kl(b.log_softmax(-1), a.softmax(-1))).sum(-1).mean()


def plain(model, batch):
    return model(**batch).loss


def adversarial(model, batch, factor=5e-5, bound=1e-5, sigma=5e-6):
    embeddings, logits_of = embedded(model, batch)
    logits = logits_of(embeddings)
    loss = F.cross_entropy(logits, batch["labels"])
    first = embeddings + torch.empty_like(embeddings).normal_(0, sigma)
    divergence = symmetric_kl(logits, logits_of(first)) / LABELS
    gradient = torch.autograd.grad(divergence, first, retain_graph=True)[0].data
    gradient = gradient / (gradient.abs().amax((1, 2), keepdim=True) + 1e-6)
    second = torch.min(first + bound, torch.max(first - bound, first + factor * gradient))
    return loss + symmetric_kl(logits, logits_of(second)) / LABELS


def fgm(model, batch, epsilon=1.0):
    embeddings, logits_of = embedded(model, batch)
    loss = F.cross_entropy(logits_of(embeddings), batch["labels"])
    gradient = torch.autograd.grad(loss, embeddings, retain_graph=True)[0].data
    move = epsilon * gradient / gradient.flatten(1).norm(dim=1)[:, None, None]
    return loss + F.cross_entropy(logits_of(embeddings + move), batch["labels"])


def r_drop(model, batch, alpha=1.0):
    first, second = model(**batch), model(**batch)
    return (first.loss + second.loss) / 2 + alpha * symmetric_kl(first.logits, second.logits) / 2
