"""A text for the character models, written for this course, and how it becomes numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from helpers.errors import CourseError

TEXT = """\
the small machine on the hill
there was a small machine on the hill, and every day it read the weather. it read the wind in the morning, it read
the rain at noon, and it read the stars at night. it wrote a number for the wind, a number for the rain, and a
number for the stars. nobody knew what the numbers were for. the machine did not know it either. it wrote them down
because it was made to write them down, and in the evening it counted the lines.
one day a girl came up the hill. she looked at the numbers and she said: these are many numbers. what do you do with
them? the machine said: i keep them. the girl said: a number that is only kept is not worth much. can you tell me
what the next number will be? the machine thought about it. it had never thought about the next number. it said: i
do not know. the girl said: then guess.
so the machine guessed. it guessed that the wind of the next day would be the wind of this day. in the morning it
read the wind, and the guess was wrong. the girl said: how wrong was it? the machine said: it was wrong by four. the
girl said: then guess again, and this time move a little in the right direction. the machine guessed again, and it
was wrong by three. it guessed again, and it was wrong by two. that is good, said the girl. you do not have to be
right. you only have to be a little less wrong than the day before.
the machine went on. every morning it read the wind, and every morning it looked at how wrong it was. when the guess
was too high, it made the guess a little lower. when the guess was too low, it made the guess a little higher. when
it moved too far, the error went up and down and up again, and the girl said: take smaller steps. when it moved too
little, the error did not change for a long time, and the girl said: take larger steps. after many days the machine
took steps that were neither too large nor too small, and the error went down and stayed down.
then the winter came. the wind of the winter was not the wind of the summer, and the machine was wrong again. it was
wrong by five, and then it was wrong by six. the machine was sad, as far as a machine can be sad. it said: i have
learned the summer, and the summer is gone. the girl said: you have learned the days that you have seen. that is
what learning is. now you see other days. read them, and learn them too.
so the machine learned the winter. it learned that the snow comes after the cold, and that the cold comes after the
north wind. it learned that after three days of rain there is often a day of sun. but when the spring came, it saw
that it had lost the summer. it had written the winter over the summer, line by line. the girl said: keep some of
the old days and read them again at night, between the new ones. the machine did so. it read an old day, and then a
new day, and then an old day. after that it did not lose the summer any more.
in the second year the girl asked: can you remember what the wind was ten days ago? the machine said: i remember
what the wind was this morning. of the day before i remember a part. of the day before that i remember a part of the
part. ten days ago is a part of a part of a part, and there is nothing left of it. the girl said: that is because
you write the new day over the old one. take a box. put into the box what you want to keep. make a door for the box
that opens when there is something to keep, a door that opens when there is something to forget, and a door that
opens when somebody asks. the machine made a box with three doors. it put the north wind into the box, and it kept
the doors shut. the rain came and the sun came, and the doors stayed shut. after ten days the girl asked: what was
the wind ten days ago? the machine opened the door and said: it was the north wind. the girl laughed. that is a good
box, she said.
in the third year the girl brought a long list. it was the list of all the days. she said: you do not have to carry
everything in a box. here is the list. when you want to know something, look at the list. the machine said: the list
is long. where do i look? the girl said: ask every line of the list how much it has to do with your question. the
lines that have much to do with it, read them well. the lines that have little to do with it, read them little. but
do not look at the lines that come after today, for they are not written yet, and who reads them is not guessing any
more. the machine asked every line. it took a long time when the list was long, because every line had to be asked.
but it found the north wind at once, and it found the snow at once, and it did not need a door. the machine said:
the box is small and quick. the list is large and slow. which one is better? the girl said: that depends on the
question. for a short question take the box. for a long question take the list. and when you do not know, try both
and count.
one evening the machine asked: can i make a day that never was? the girl said: what do you mean? the machine said: i
have read many days. i know what the wind does and what the rain does. i could write a day that nobody has seen,
with a wind and a rain and a star, and it would be a day like the others. the girl said: try it. but somebody has to
look at it and say whether it is a good day. so they made a second machine, and the second machine looked at the
days. some of them were real and some of them were made. when the second machine said that a day was made, the first
machine learned to make a better one. when the second machine believed it, the second machine learned to look more
closely. they went on like that for a long time, and in the end the second machine could only guess.
but the girl looked at the made days and saw that they were all days of summer. there was no snow in them. she said:
you make only the day that is easy to make. the machine said: nobody asked me for another one. so she told the
second machine to look at four days at once. four days of summer were not like the real days, and the second machine
saw it. from then on the first machine made the winter too.
the years went by, and the girl was not a girl any more. she came up the hill with a stick, and she looked at the
numbers. there were many numbers. the machine said: the wind of the next day will be a west wind, and it will be
wrong by less than one. she said: how do you know? the machine said: i do not know. i guess, and then i look at how
wrong i was, and then i move a little in the right direction. she sat down beside the small machine on the hill, and
they waited for the morning. in the morning the wind came from the west. it was not quite the number that the
machine had written, and the machine looked at how wrong it was, and it moved a little in the right direction.
"""


def encode(text: str = TEXT) -> tuple[np.ndarray, str]:
    """(the text as integers, the alphabet that they count in); line ends are blanks.

    CourseError for a text of fewer than two different characters, which leaves nothing to predict.
    """
    text = " ".join(text.split())
    alphabet = "".join(sorted(set(text)))
    if len(alphabet) < 2:
        raise CourseError(f"The text {text[:20]!r} has {len(alphabet)} kinds of characters; give one with at least 2.")
    return np.array([alphabet.index(c) for c in text]), alphabet


def halves(codes: np.ndarray, held_out: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """(the text to train on, its end, which is held out)."""
    at = round(len(codes) * (1 - held_out))
    return codes[:at], codes[at:]


def write_text(
    next_logits: Callable[[np.ndarray], np.ndarray], alphabet: str, length: int, seed: int, start: str
) -> str:
    """`start`, and what a network writes after it: each character is drawn from its probabilities.

    next_logits: the integers that the network has not read yet (steps,) -> its logits (letters,) of the next one.
    """
    rng, text = np.random.default_rng(seed), start
    codes = np.array([alphabet.index(c) for c in start])
    for _ in range(length):
        logits = next_logits(codes)
        p = np.exp((logits - logits.max()).astype(np.float64))
        codes = rng.choice(len(alphabet), 1, p=p / p.sum())
        text += alphabet[codes[0]]
    return text


def counted_bits(train: np.ndarray, test: np.ndarray, letters: int, before: int) -> float:
    """Bits a character of a model that counts what follows `before` characters; counts are smoothed by the shorter
    context, with the weight of one observation a letter of the alphabet, divided by eight."""
    weight = letters / 8
    if before < 0:
        return float(np.log2(letters))

    def context(codes: np.ndarray, i: int, length: int) -> tuple[int, ...]:
        return tuple(codes[max(0, i - length) : i].tolist())

    counts: list[dict[tuple[int, ...], np.ndarray]] = [{} for _ in range(before + 1)]
    for i, code in enumerate(train):
        for length, table in enumerate(counts):
            table.setdefault(context(train, i, length), np.zeros(letters))[code] += 1
    bits = 0.0
    for i, code in enumerate(test):
        p = np.full(letters, 1 / letters)
        for length, table in enumerate(counts):
            seen = table.get(context(test, i, length))
            if seen is not None:
                p = (seen + weight * p) / (seen.sum() + weight)
        bits -= np.log2(p[code])
    return float(bits / len(test))
