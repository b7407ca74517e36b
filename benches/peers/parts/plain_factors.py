"""The rule-based factors in plain Python: regular expressions and sets, for the tokenizer `ascii-alnum`.

What one writes for the same definitions without this crate. The word lists are read from the crate's source.
"""

import os
import re

LEXICON = os.path.join(os.path.dirname(__file__), "../../../src/factor/text/lexicon.rs")

WORD = re.compile(r"[A-Za-z0-9]+")
TERMINATORS = re.compile(r"[.!?]+")
BREAK = re.compile(r"[.!?\n]")
LIST_MARKER_BEFORE = re.compile(r"(?:^|\n)[ \t]*\Z")
VOWELS = re.compile(r"[aeiouy]+")
LINE = re.compile(
    r"[ \t]*(?:(?P<fence>`{3,}|~{3,})|(?P<heading>#{1,6})(?= )|(?P<table>\|)|(?P<item>[-*+] |•|(?<!\d)\d{1,9}[.)] )|)"
)
BLANK = re.compile(r"[ \t]*")
SPECIAL = re.compile(r"\n|`+|\*+|_+|\[|\(|[?？؟]|https?://|(?<![A-Za-z0-9/])www\.")
BRACKET = re.compile(r"\[(?=\^?[,\- ;0-9]*[0-9])\^?[0-9, \-;]{1,31}\]")
PARENTHESIS = re.compile(r"\(([^()\n]{0,199})\)")
AUTHOR_YEAR = re.compile(r"(?s)\s*(?=[^,;]*[A-Z]|.*[A-Z]).*,\s*[12]\d{3}[a-z]?\s*\Z")
REFUSAL = re.compile(r"I[CW]NA|IMU|IMNB|IMSb|SbI|snl")

ROLE_LETTERS = {
    "I": "I", "Am": "M", "IAm": "IM", "Can": "C", "Not": "N", "CanNot": "CN", "Will": "W", "WillNot": "WN",
    "Unable": "U", "Able": "B", "Sorry": "S", "But": "b", "As": "s", "An": "n", "Ai": "l", "Act": "A",
}  # fmt: skip


def word_lists():
    with open(LEXICON, encoding="utf-8") as file:
        source = file.read()
    lists = {
        name: set(re.sub(r"\\\s*", "", words).split())
        for name, words in re.findall(r'const (\w+): &str = "(.*?)";', source, re.S)
    }
    roles = {}
    for words, role in re.findall(r'\("([a-z\' ]+)", Role::(\w+)\)', source):
        for word in words.split():
            roles[word] = ROLE_LETTERS[role]
    return lists, roles


LISTS, ROLES = word_lists()
FORMAL = LISTS["ARTICLES"] | LISTS["PREPOSITIONS"]
DEICTIC = LISTS["PRONOUNS"] | LISTS["AUXILIARIES"] | LISTS["ADVERBS"] | LISTS["INTERJECTIONS"]
FUNCTION = FORMAL | DEICTIC | LISTS["CONJUNCTIONS"]
HEDGES, FIRST_PERSON = LISTS["HEDGES"], LISTS["FIRST_PERSON"]

FACTORS = (
    "length sentences characters sentence_length ttr repetition_2 repetition_3 novelty coverage novel_bigrams "
    "fragment_coverage fragment_density compression readability formality markdown lists citations questions numbers "
    "unsupported_numbers entities unsupported_entities hedges first_person refusal question_overlap"
).split()


def is_vowel(letter):
    return letter in "aeiouy"


def silent_ending(word):
    if len(word) >= 3 and word.endswith("le"):
        return is_vowel(word[-3])
    if len(word) >= 2 and word.endswith("e"):
        return not is_vowel(word[-2])
    if len(word) >= 4 and word.endswith("es"):
        last, before = word[-3], word[-4]
        if last in "sxzcg":
            return False
        if last == "h":
            return before not in "cs"
        return is_vowel(before) if last == "l" else not is_vowel(last)
    if len(word) >= 3 and word.endswith("ed"):
        return not is_vowel(word[-3]) and word[-3] not in "td"
    return False


def syllables(word):
    groups = len(VOWELS.findall(word))
    return max(1, groups - (groups > 1 and silent_ending(word)))


def share(part, whole):
    return part / whole if whole else 0.0


def quotient(part, whole):
    return part / whole if whole > 0 else None


def repeated(grams):
    return len(grams) - len(set(grams))


def fragments(response, source, places):
    """Lengths of the extractive fragments, the longest shared run first from the left."""
    lengths, at = [], 0
    while at < len(response):
        longest = 0
        for place in places.get(response[at], ()):
            length = 0
            while (
                at + length < len(response)
                and place + length < len(source)
                and response[at + length] == source[place + length]
            ):
                length += 1
            longest = max(longest, length)
        if longest:
            lengths.append(longest)
        at += max(1, longest)
    return lengths


def layout(text):
    """Markup, list items, citations and question marks."""
    markup = items = citations = questions = 0
    fenced, span, at, new_line = False, None, 0, True
    while True:
        if new_line:
            span, new_line = None, False
            found = LINE.match(text, at)
            if found["fence"]:
                fenced = not fenced
                markup += fenced
                at = found.end()
            elif not fenced and found.lastgroup:
                markup += bool(found["heading"] or found["table"])
                items += bool(found["item"])
                at = found.end()
            else:
                at = BLANK.match(text, at).end()
        special = SPECIAL.search(text, at)
        if special is None:
            break
        mark, start, at = special[0], special.start(), special.end()
        if mark == "\n":
            new_line = True
        elif mark[0] in "`*_":
            before, after = text[start - 1] if start else "\n", text[at] if at < len(text) else "\n"
            if not fenced:
                if span == mark and (mark[0] == "`" or before not in " \t\n\r\f"):
                    span = None
                    markup += 1
                elif not (span and span[0] == "`"):
                    opening = after not in " \t\n\r\f" and not (before.isascii() and before.isalnum())
                    if mark[0] == "`" or (len(mark) <= 3 and opening):
                        span = mark
        elif mark == "[":
            found = BRACKET.match(text, start)
            if found:
                citations += 1
                at = found.end()
        elif mark == "(":
            found = PARENTHESIS.match(text, start)
            if found:
                citations += sum(AUTHOR_YEAR.match(part) is not None for part in found[1].split(";"))
        elif mark in "?？؟":
            questions += 1
        else:
            citations += 1
    return markup, items, citations, questions


class Source:
    """What all responses to one prompt and source share."""

    def __init__(self, prompt, source):
        self.words = [word.lower() for word in WORD.findall(source)]
        self.types = set(self.words)
        self.bigrams = set(zip(self.words, self.words[1:]))
        self.places = {}
        for place, word in enumerate(self.words):
            self.places.setdefault(word, []).append(place)
        self.content = {word.lower() for word in WORD.findall(prompt)} - FUNCTION


def measure(text, source):
    """All factors of one response, in the order of FACTORS."""
    spans = [(found.start(), found.end()) for found in WORD.finditer(text)]
    written = [text[start:end] for start, end in spans]
    words = [word.lower() for word in written]
    types, n = set(words), len(words)
    sentences = max(1, len(TERMINATORS.findall(text)))
    bigrams = list(zip(words, words[1:]))
    trigrams = list(zip(words, words[1:], words[2:]))
    pieces = fragments(words, source.words, source.places)
    numbers = entities = unsupported_numbers = unsupported_entities = 0
    for at, (word, (start, end)) in enumerate(zip(written, spans)):
        marker = (
            text[end : end + 1] in (".", ")")
            and text[end + 1 : end + 2] in (" ", "\t", "\r", "\n")
            and LIST_MARKER_BEFORE.search(text, max(0, start - 80), start) is not None
        )
        if word[0].isdigit() and not marker:
            numbers += 1
            unsupported_numbers += words[at] not in source.types
        elif word[0].isupper() and words[at] not in FUNCTION and at and not BREAK.search(text, spans[at - 1][1], start):
            entities += 1
            unsupported_entities += words[at] not in source.types
    per_word = quotient(sum(map(syllables, words)), n)
    markup, items, citations, questions = layout(text)
    formal, deictic = sum(word in FORMAL for word in words), sum(word in DEICTIC for word in words)
    return [
        n,
        sentences,
        len(text),
        n / sentences,
        share(len(types), n),
        share(repeated(bigrams), max(n - 1, min(n, 1))),
        share(repeated(trigrams), max(n - 2, min(n, 1))),
        share(sum(word not in source.types for word in words), n),
        share(len(types & source.types), len(source.types)),
        share(sum(pair not in source.bigrams for pair in bigrams), max(n - 1, 0)),
        share(sum(pieces), n),
        quotient(sum(length * length for length in pieces), n),
        quotient(len(source.words), n),
        None if per_word is None else 206.835 - 1.015 * n / sentences - 84.6 * per_word,
        quotient(50 * (n + formal - deictic), n),
        markup,
        items,
        citations,
        questions,
        numbers,
        share(unsupported_numbers, n),
        entities,
        share(unsupported_entities, n),
        share(sum(word in HEDGES for word in words), n),
        share(sum(word in FIRST_PERSON for word in words), n),
        float(REFUSAL.search("".join(ROLES.get(word, ".") for word in words)) is not None),
        share(len(source.content & types), len(source.content)),
    ]


def measure_all(responses):
    """A row of values for each response; prompts and sources that stand together are read once."""
    rows, known, source = [], None, None
    for response in responses:
        if known != (response["prompt"], response["source"]):
            known = (response["prompt"], response["source"])
            source = Source(*known)
        rows.append(measure(response["text"], source))
    return rows
