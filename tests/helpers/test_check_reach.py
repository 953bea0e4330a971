"""What checks do with a student's object is the same whether it lies here or behind a handle of another process."""

from __future__ import annotations

import importlib
import time

import numpy as np
import pytest

from helpers.check import calls, reach
from helpers.check.around import around
from helpers.check.report import Mistake


def travelled(value):
    """A value as it arrives elsewhere: plain data anew, everything else behind a handle."""
    if isinstance(value, Far):
        return value.thing
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, list | tuple):
        return type(value)(travelled(item) for item in value)
    if isinstance(value, dict):
        return {key: travelled(item) for key, item in value.items()}
    return far(value)


def far(thing):
    """A handle, which can be called where its object can."""
    return (FarFunction if callable(thing) else Far)(thing)


class Far:
    """A handle as the checks know it: callable, and with a way to let one function of `reach` run beside the object."""

    __course_remote__ = True

    def __init__(self, thing):
        self.__dict__["thing"] = thing

    @staticmethod
    def beside(handle, name, *args):
        module, _, function = name.partition(":")
        assert module == "helpers.check.reach"
        assert not function.startswith("_")
        work = getattr(importlib.import_module(module), function)
        return travelled(work(handle.thing, *(there(arg) for arg in args)))

    def __getattr__(self, name):
        return travelled(getattr(self.thing, name))


class FarFunction(Far):
    def __call__(self, *args):
        raise AssertionError("a check called a handle without a time limit")


def there(value):
    """An argument on its way: handles are the objects themselves again, plain data is copied."""
    if isinstance(value, list | tuple):
        return type(value)(there(item) for item in value)
    if isinstance(value, dict):
        return {key: there(item) for key, item in value.items()}
    return value if callable(value) and not isinstance(value, Far) else travelled(value)


both = pytest.mark.parametrize("home", [lambda thing: thing, far], ids=["here", "elsewhere"])


class Odd(ValueError):
    pass


ERRORS = (Odd, KeyError, SystemExit)


def inner():
    raise NotImplementedError


def raises(kind, text):
    raise ERRORS[kind](text)


def forever():
    while True:
        pass


def deeper():
    return deeper()


class Layer:
    def __init__(self):
        self.weight = np.zeros(3)
        self.parameters = [self.weight]

    @property
    def broken(self):
        raise Odd("no such luck")

    @property
    def fixed(self):
        return np.zeros(2).view()

    @property
    def locked(self):
        array = np.zeros(2)
        array.flags.writeable = False
        return array


def mistake(function, *args, **named):
    with pytest.raises(Mistake) as caught:
        calls.call(function, *args, what="work", **named)
    return caught.value.name, caught.value.message


@both
def test_a_call_returns_what_the_function_returns(home):
    assert calls.call(home(lambda a, b=1: [a, b]), 3, what="work", b=4) == [3, 4]
    assert calls.call(home(lambda: None), what="work") is None
    assert np.array_equal(calls.call(home(np.sort), np.array([2.0, 1.0]), what="work"), [1.0, 2.0])


@both
@pytest.mark.parametrize(
    ("function", "args", "name", "words"),
    [
        (lambda: inner(), (), "still-to-do", "`inner`, which work calls,"),
        (raises, (0, "it is\n odd."), "raises", "work raised Odd: it is odd in the line `raise ERRORS[kind](text)`."),
        (raises, (1, "k"), "raises", "work raised KeyError: 'k' in the line"),
        (raises, (2, "bye"), "raises", "work raised SystemExit: bye"),
        (lambda x: x, (), "raises", "Compare the arguments in your `def` line"),
        (lambda x: x @ x, (np.ones((2, 3)),), "raises", "The shapes don't fit"),
        (lambda x: x.nothing, (np.ones(2),), "raises", "Is that attribute set before it is read"),
        (lambda: undefined, (), "raises", "Was its cell run"),  # noqa: F821
        (deeper, (), "calls-itself", "calls itself without end"),
    ],
)
def test_what_a_call_raises_is_told_in_the_same_words(home, function, args, name, words):
    found = mistake(home(function), *args)
    assert found[0] == name
    assert words in found[1]
    assert found == mistake(function, *args)


@both
def test_an_error_knows_whether_torch_alone_was_meant(home):
    with pytest.raises(Mistake) as caught:
        calls.call(home(lambda x: x.exp()), np.ones(2), what="work")
    assert caught.value.of_torch


@both
def test_a_call_that_never_returns_is_stopped_where_it_runs(home, monkeypatch):
    monkeypatch.setattr(calls, "SECONDS", 0.2)
    began = time.perf_counter()
    assert mistake(home(forever))[0] == "never-returns"
    assert time.perf_counter() - began < 5


@both
def test_warnings_and_overflows_of_a_students_code_stay_silent_in_a_check(home, recwarn):
    from helpers.check.report import check

    @check("Title")
    def silent(function):
        assert calls.call(function, what="work") == np.inf
        yield "nothing said"

    silent(home(lambda: float(np.float64(1e308) * 10 + (__import__("warnings").warn("old", stacklevel=1) or 0))))
    assert not recwarn.list


@both
def test_attributes(home):
    layer = home(Layer())
    assert np.array_equal(calls.attribute(layer, "weight", "Layer"), np.zeros(3))
    with pytest.raises(Mistake, match="Layer has no attribute `nothing`"):
        calls.attribute(layer, "nothing", "Layer")
    with pytest.raises(Mistake, match=r"Layer\.broken raised Odd: no such luck"):
        calls.attribute(layer, "broken", "Layer")


class Methods:
    nothing = None
    number = 3

    def double(self, x):
        return 2 * x


@both
def test_methods_are_called_and_missing_ones_told(home):
    thing = home(Methods())
    assert calls.call(calls.method(thing, "double", "Methods"), 4, what="Methods.double") == 8
    for name, found, words in (
        ("no_such", "method-missing", "Methods has no method `no_such`"),
        ("nothing", "still-to-do", "Methods.nothing is not defined yet"),
        ("number", "not-callable", "Methods.number should be a function, but it is of type int"),
    ):
        with pytest.raises(Mistake, match=words) as caught:
            calls.call(calls.method(thing, name, "Methods"), what=f"Methods.{name}")
        assert caught.value.name == found


@both
def test_many_calls_come_one_after_the_other(home):
    seen = []

    def work(x):
        seen.append(x)
        return 6 / x

    assert list(calls.call_each(home(work), [(1,), (2,), (3,)], what="work")) == [6, 3, 2]
    assert seen == [1, 2, 3]
    results = calls.call_each(home(work), [(1,), (0,), (3,)], what="work")
    assert next(results) == 6
    with pytest.raises(Mistake, match="work raised ZeroDivisionError: division by zero in the line `return 6 / x`"):
        next(results)
    assert 3 not in seen[3:]
    with pytest.raises(Mistake, match="should be a function"):
        next(calls.call_each(7, [(1,)], what="work"))


def test_slow_calls_are_asked_for_in_several_goes(monkeypatch):
    monkeypatch.setattr(calls, "SECONDS", 0.05)
    asked, beside = [], Far.beside
    monkeypatch.setattr(Far, "beside", staticmethod(lambda *args: asked.append(args[1]) or beside(*args)))
    results = calls.call_each(far(lambda x: time.sleep(0.03) or x), [(i,) for i in range(4)], what="work")
    assert list(results) == [0, 1, 2, 3]
    assert asked == ["helpers.check.reach:outcomes"] * 2


@both
def test_attributes_that_are_read_together_are_what_they_are_alone(home):
    layers = [home(Layer()), home(Layer())]
    calls.put(layers[1], "weight", np.full(3, 5.0))
    with reach.together(layers, "weight", "broken", "nothing"):
        for layer in layers:
            alone = calls.attribute(layer, "weight", "Layer")
            assert alone[0] == (5 if layer is layers[1] else 0)
            assert reach.peek(layer, "nothing") is None
            with pytest.raises(Mistake, match=r"Layer\.broken raised Odd: no such luck"):
                calls.attribute(layer, "broken", "Layer")
    assert reach._seen == {}


def test_reading_together_asks_once_and_forgets_afterwards(monkeypatch):
    layer = far(Layer())
    asked, beside = [], Far.beside
    monkeypatch.setattr(Far, "beside", staticmethod(lambda *args: asked.append(args[1]) or beside(*args)))
    with reach.together([layer], "weight", "parameters"), reach.together([layer], "weight"):
        reach.read(layer, "weight")
        reach.read(layer, "parameters")
    assert asked == ["helpers.check.reach:attributes"]
    layer.thing.weight = np.ones(1)
    assert reach.read(layer, "weight") == [1]


@pytest.mark.parametrize("reply", [None, [], [("value", 3, [])], "value", [("value", 1, [])] * 3])
def test_a_forged_answer_for_many_attributes_is_as_none(reply, monkeypatch):
    layer = far(Layer())
    monkeypatch.setattr(reach, "attributes", lambda *args: reply)
    with reach.together([layer], "weight", "parameters"):
        assert np.array_equal(reach.read(layer, "weight"), np.zeros(3))


@both
def test_put_reaches_the_students_own_array_where_a_list_holds_it_too(home):
    layer = Layer()
    calls.put(home(layer), "weight", np.array([1.0, 2.0, 3.0]))
    assert layer.parameters[0] is layer.weight
    assert np.array_equal(layer.weight, [1, 2, 3])
    calls.put(home(layer), "weight", np.array([1.0, 2.0]))  # of another shape: as a new array
    assert np.array_equal(layer.weight, [1, 2])


@both
def test_put_of_several_tells_the_first_that_fails(home):
    layer = Layer()
    thing = home(layer)
    calls.put_all([(thing, "weight", np.ones(3)), (thing, "parameters", np.zeros(1))])
    assert np.array_equal(layer.weight, [1, 1, 1])
    assert layer.parameters == [0]
    with pytest.raises(Mistake, match="`locked` can neither"):
        calls.put_all([(thing, "weight", np.zeros(3)), (thing, "locked", np.ones(2)), (thing, "weight", np.ones(3))])
    assert not layer.weight.any()


@both
@pytest.mark.parametrize("name", ["fixed", "locked"])
def test_put_says_what_cannot_be_changed(home, name):
    with pytest.raises(Mistake, match=f"`{name}` can neither be changed in place nor assigned .AttributeError"):
        calls.put(home(Layer()), name, np.ones(2))


class Arraylike:
    def __array__(self, dtype=None, copy=None):
        return np.arange(3, dtype=dtype or np.int64)


@both
def test_arrays_of_things_that_numpy_can_read(home):
    assert np.array_equal(calls.array(home(Arraylike()), "it"), [0.0, 1.0, 2.0])
    with pytest.raises(Mistake, match="it should be an array of numbers"):
        calls.array(home(Layer()), "it")


@both
def test_memory_of_a_call_is_that_of_the_call_alone(home):
    made = np.ones(400_000)
    with around("memory") as noted:
        calls.call(home(lambda x: np.ones(200_000).sum() + len(x)), made, what="work")
    assert 1_600_000 <= noted["bytes"] < 1_700_000
    with around("memory") as noted:
        calls.call(home(lambda: 1), what="work")
    assert noted["bytes"] < 10_000


@both
def test_numpy_cannot_read_torch_on_another_device(home):
    torch = pytest.importorskip("torch")
    with around("another device"):
        assert "another backend" in mistake(home(lambda: np.asarray(torch.ones(2))))[1]
        assert calls.call(home(lambda: float(torch.ones(2).sum())), what="work") == 2
    assert calls.call(home(lambda: np.asarray(torch.ones(2)).tolist()), what="work") == [1, 1]


def measured(filters):
    return prepare(filters)


def prepare(filters):
    return "the notebook's"


@both
def test_a_functions_globals_are_replaced_for_one_call(home):
    function = home(measured)
    assert reach.has_globals(function, ("prepare",))
    assert not reach.has_globals(function, ("prepare", "no_such_name"))
    assert not reach.has_globals(home(Layer()), ("prepare",))
    with around("globals", prepare=lambda filters: f"ours, {filters}"):
        assert calls.call(function, 3, what="work") == "ours, 3"
    with around("globals", prepare=lambda: 0):
        assert mistake(function, 3)[0] == "raises"
    assert calls.call(function, 3, what="work") == "the notebook's"


@pytest.mark.parametrize(
    "reply",
    [
        None,
        7,
        ("value", 1),
        ("other", 1, []),
        ("raised", 3, 4),
        ("raised", {"type": "a b", "base": "Odd", "text": 3, "frames": [1]}, []),
    ],
)
def test_a_forged_reply_is_a_mistake_and_nothing_worse(reply, monkeypatch):
    monkeypatch.setattr(reach, "outcome", lambda *args: reply)
    assert mistake(far(len))[0] == "raises"


def test_a_forged_error_is_no_more_than_its_name_and_text(monkeypatch):
    frames = [["f", 1, "line"], ["g", 1]]
    told = {"type": "KeyboardInterrupt", "base": "BaseException", "text": "x" * 10, "frames": frames}
    monkeypatch.setattr(reach, "outcome", lambda *args: ("raised", told, []))
    assert mistake(far(len)) == ("raises", "work raised KeyboardInterrupt: xxxxxxxxxx in the line `line`.")
