"""Finds titles that are nearly what was typed: letters left out, words run together, "two" for "2".

Trigrams, the runs of three letters, find the titles that have most in common with the query, weighted by how
rare each trigram is. RapidFuzz then compares the words of these few by their edit distance.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import OSA
from rapidfuzz.process import cdist

# The titles that have most trigrams in common, and as many short ones that consist of them. More are slower
# to compare and change no first result.
N_COMPARED = 100
# Of 1. One letter of four may be wrong, or two of eight, in the mean of all words. Where one title is much
# more like the query than another, the other is not meant.
LEAST_LIKENESS, MOST_BEHIND = 0.72, 0.15
# A title that goes on after the query is a little less like it than one that does not.
GOES_ON = 0.96
# Short runs of letters are in many words by chance.
LEAST_LETTERS_WITHIN = 6
NAMES = (("one two three four five six seven eight nine ten", 1), ("ii iii iv v vi vii viii ix x", 2))
NUMBERS = {name: str(number) for names, first in NAMES for number, name in enumerate(names.split(), first)}

Places = NDArray[np.int64]


class NearTitles:
    """Titles by their trigrams.

    Parameters
    ----------
    titles : list of list of str
        The words of each title, as `search_text.words` gives them.
    """

    def __init__(self, titles: list[list[str]]) -> None:
        self._titles = titles
        numbers: dict[str, int] = {}
        of_word: dict[str, list[int]] = {}
        pairs: list[NDArray[np.int32]] = []
        for place, title in enumerate(titles):
            found: list[int] = []
            for word in [*title, *_digits(title)]:
                known = of_word.get(word)
                if known is None:
                    known = of_word[word] = [
                        numbers.setdefault(part, len(numbers)) for part in _trigrams(word)
                    ]
                found += known
            found += [numbers.setdefault(part, len(numbers)) for part in _between(title)]
            pairs.append(np.array([found, [place] * len(found)], dtype=np.int32))
        trigram, place_of = np.concatenate(pairs, axis=1) if pairs else np.zeros((2, 0), np.int32)
        order = np.lexsort((place_of, trigram))
        self._numbers = numbers
        self._words = of_word.keys()
        self._places = place_of[order]
        counts = np.bincount(trigram, minlength=len(numbers))
        self._begins = np.concatenate([[0], np.cumsum(counts)])
        self._weights = np.log1p(len(titles) / np.maximum(counts, 1))
        self._lengths = np.maximum(np.bincount(place_of, minlength=len(titles)), 1)

    def like(self, asked: list[str]) -> tuple[Places, NDArray[np.float64]]:
        """The places of the titles that are like some words, and how like they are, from 0 to 1."""
        places = self._candidates(asked)
        if len(places) == 0:
            return places, np.zeros(0)
        titles = [self._titles[place] for place in places.tolist()]
        likeness = np.maximum(_by_words(asked, titles), _run_together("".join(asked), titles))
        is_like = likeness >= max(LEAST_LIKENESS, likeness.max() - MOST_BEHIND)
        return places[is_like], likeness[is_like]

    def _candidates(self, asked: list[str]) -> Places:
        # Two letters exchanged in a short word leave it hardly a trigram.
        meant = [swapped for word in asked for swapped in _swapped(word) if swapped in self._words]
        words = [*asked, *_digits(asked), *meant]
        found = {part for word in words for part in _trigrams(word)} | set(_between(asked))
        shared = np.zeros(len(self._titles))
        for number in sorted(self._numbers[part] for part in found if part in self._numbers):
            # A title that has a trigram twice counts once here, as the assignment of an array does.
            shared[self._places[self._begins[number] : self._begins[number + 1]]] += self._weights[number]
        n_best = min(N_COMPARED, int(np.count_nonzero(shared)))
        if n_best == 0:
            return np.zeros(0, np.int64)
        best = [np.argpartition(-worth, n_best - 1)[:n_best] for worth in (shared, shared / self._lengths)]
        return np.unique(np.concatenate(best))


def _by_words(asked: list[str], titles: list[list[str]]) -> NDArray[np.float64]:
    """For each title, the mean likeness of the asked words to the words of the title most like them."""
    both = [[*title, *_digits(title)] for title in titles]
    words = [word for title in both for word in title]
    likeness = cdist(asked, words, scorer=OSA.normalized_similarity)
    digits = cdist([NUMBERS.get(word, word) for word in asked], words, scorer=OSA.normalized_similarity)
    likeness = np.maximum(likeness, digits)
    # The last word may be unfinished.
    begun = cdist(asked[-1:], [word[: len(asked[-1])] for word in words], scorer=OSA.normalized_similarity)
    likeness[-1] = np.maximum(likeness[-1], begun[0])
    begins = np.cumsum([0, *(len(title) for title in both[:-1])])
    best: NDArray[np.float64] = np.maximum.reduceat(likeness, begins, axis=1).mean(axis=0, dtype=np.float64)
    return best


def _run_together(asked: str, titles: list[list[str]]) -> NDArray[np.float64]:
    """For each title, the likeness of its letters without spaces, whole or only as many as were typed."""
    joined = ["".join(title) for title in titles]
    versions = joined + [text[: len(asked)] for text in joined]
    whole, begun = cdist([asked], versions, scorer=OSA.normalized_similarity)[0].reshape(2, -1)
    if len(asked) >= LEAST_LETTERS_WITHIN:
        begun[[asked in text for text in joined]] = 1.0
    best: NDArray[np.float64] = np.maximum(whole, GOES_ON * begun).astype(np.float64)
    return best


def _digits(words: list[str]) -> list[str]:
    """The digits that stand for those of the words that are numbers."""
    return [NUMBERS[word] for word in words if word in NUMBERS]


def _swapped(word: str) -> Iterator[str]:
    """The word with each two neighbouring letters exchanged."""
    for place in range(len(word) - 1):
        yield f"{word[:place]}{word[place + 1]}{word[place]}{word[place + 2 :]}"


def _trigrams(word: str) -> list[str]:
    """The trigrams of a word, with spaces around it, as the beginning of a word is remembered best."""
    padded = f"  {word} "
    return list(dict.fromkeys(padded[place : place + 3] for place in range(len(padded) - 2)))


def _between(words: list[str]) -> Iterator[str]:
    """The trigrams that words have where they are run together."""
    for one, other in pairwise(words):
        joined = one[-2:] + other[:2]
        for place in range(len(joined) - 2):
            yield joined[place : place + 3]
