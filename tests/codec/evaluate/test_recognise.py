from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from codec.evaluate.recognise import word_errors, words

texts = st.lists(st.sampled_from("abcd"), max_size=8)


def test_words_are_lower_case_and_bare():
    assert words("It's  LATE, Alexey-Karenin!") == [
        "it's",
        "late",
        "alexey",
        "karenin",
    ]


def test_each_kind_of_error_counts_one():
    said = ["one", "two", "three"]
    assert word_errors(said, said) == 0
    assert word_errors(said, ["one", "three"]) == 1
    assert word_errors(said, ["one", "two", "two", "three"]) == 1
    assert word_errors(said, ["one", "too", "three"]) == 1
    assert word_errors(said, []) == 3
    assert word_errors([], said) == 3


@given(texts, texts, texts)
def test_it_is_a_distance(a, b, c):
    assert word_errors(a, b) == word_errors(b, a)
    assert (word_errors(a, b) == 0) == (a == b)
    assert word_errors(a, c) <= word_errors(a, b) + word_errors(b, c)
