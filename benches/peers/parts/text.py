"""All rule-based factors beside the same definitions in plain Python."""

import json
import os
import random

from parts.plain_factors import FACTORS

FUNCTION_WORDS = "the of and to a in is that it was for on are as with may I at be this cannot sorry but".split()


def vocabulary(draw):
    onsets, nuclei = "b c d f gr l m n pr s t v".split(), "a e i o u ea".split()
    words = list(FUNCTION_WORDS)
    while len(words) < 8000:
        word = "".join(draw.choice(onsets) + draw.choice(nuclei) for _ in range(draw.randint(1, 4)))
        words.append(word.capitalize() if draw.random() < 0.05 else word + draw.choice(["", "", "e", "ed", "es", "le"]))
    return words


def text(draw, words, size):
    """Sentences, paragraphs, lists, numbers, citations and markup."""
    parts, length = [], 0
    while length < size:
        sentence = []
        for _ in range(draw.randint(5, 24)):
            word = words[min(len(words), int(len(words) ** draw.random())) - 1]
            kind = draw.random()
            if kind < 0.015:
                word = str(draw.randint(1, 3000))
            elif kind < 0.03:
                word = draw.choice(["**{}**", "*{}*", "`{}`", "_{}_", "[{}]", "({}, 2020)"]).format(word)
            elif kind < 0.035:
                word = draw.choice(["[1]", "[2, 3]", "(Smith et al., 2019a; Lee, 2020)", "https://a.org", "www.b.org"])
            sentence.append(word + ("," if draw.random() < 0.08 else ""))
        start = draw.choice([""] * 9 + ["\n\n", "\n- ", "\n2. ", "\n## ", "\n```\ncode * x\n```\n"])
        line = " ".join(sentence)
        parts.append(start + line[0].upper() + line[1:] + draw.choice([".", ".", ".", "?", "!"]))
        length += len(parts[-1]) + 1
    return " ".join(parts)


def compare(bench):
    print("== all rule-based factors of ASCII text with a source (ascii-alnum), one thread")
    draw = random.Random(3)
    words = vocabulary(draw)
    responses = []
    for _ in range(20 if bench.quick else 100):
        prompt, source = text(draw, words, 80), text(draw, words, 4000)
        responses += [{"text": text(draw, words, 2000), "prompt": prompt, "source": source} for _ in range(6)]
    directory = os.path.join(bench.room, "text")
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, "responses.json"), "w", encoding="utf-8") as file:
        json.dump(responses, file)
    ours = bench.ours("text", directory)
    python = bench.python("parts.one_text", directory)
    for tokenizer in ("ascii-alnum", "unicode"):
        print(f"  this crate, {tokenizer}: {ours['bytes'] / ours[f'{tokenizer}_ms'] / 1e3:.1f} MB/s")
    ratio = python["ms"] / ours["ascii-alnum_ms"]
    print(f"  plain Python: {ours['bytes'] / python['ms'] / 1e3:.2f} MB/s, {ratio:.0f} times as long")
    values = dict(zip(ours["factors"], ours["values"]))
    different = {
        factor: sum(differ(a, b) for a, b in zip(values[factor], column))
        for factor, column in zip(FACTORS, zip(*python["values"]))
    }
    missing = [factor for factor in ours["factors"] if factor not in FACTORS]
    if missing:
        print(f"  not in the Python version: {', '.join(missing)}")
    wrong = {factor: count for factor, count in different.items() if count}
    print(f"  values that differ between the two, of {len(responses):,} responses: {wrong or 'none'}")


def differ(a, b):
    return (a is None) != (b is None) or (a is not None and abs(a - b) > 1e-9 * max(1.0, abs(b)))
