"""What checks do with a student's object is the same whether it lies here or behind a handle of another process."""

from __future__ import annotations

import functools
import importlib
import time
from contextlib import nullcontext

import numpy as np
import pytest

from helpers.check.core import beside, calls, reach
from helpers.check.core.limits import around
from helpers.check.core.report import Mistake


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
        assert module == "helpers.check.core.beside"
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
        (deeper, (), "calls-itself", "calls itself endlessly"),
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
    from helpers.check.core.report import check

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
    assert asked == ["helpers.check.core.beside:outcomes"] * 2


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
    assert asked == ["helpers.check.core.beside:attributes"]
    layer.thing.weight = np.ones(1)
    assert reach.read(layer, "weight") == [1]


@pytest.mark.parametrize("reply", [None, [], [("value", 3, [])], "value", [("value", 1, [])] * 3])
def test_a_forged_answer_for_many_attributes_is_as_none(reply, monkeypatch):
    layer = far(Layer())
    monkeypatch.setattr(beside, "attributes", lambda *args: reply)
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


class Stranger:
    """Says that it wraps something, and does not say what."""

    @property
    def __wrapped__(self):
        raise RuntimeError("nothing here")


@both
def test_a_functions_globals_are_replaced_for_one_call(home):
    function = home(measured)
    assert reach.has_globals(function, ("prepare",))
    assert not reach.has_globals(function, ("prepare", "no_such_name"))
    assert not reach.has_globals(home(Layer()), ("prepare",))
    assert reach.has_globals(home(functools.cache(measured)), ("prepare",))
    assert not reach.has_globals(home(Stranger()), ("prepare",))
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
    monkeypatch.setattr(beside, "outcome", lambda *args: reply)
    assert mistake(far(len))[0] == "raises"


def test_a_forged_error_is_no_more_than_its_name_and_text(monkeypatch):
    frames = [["f", 1, "line"], ["g", 1]]
    told = {"type": "KeyboardInterrupt", "base": "BaseException", "text": "x" * 10, "frames": frames}
    monkeypatch.setattr(beside, "outcome", lambda *args: ("raised", told, []))
    assert mistake(far(len)) == ("raises", "work raised KeyboardInterrupt: xxxxxxxxxx in the line `line`.")


class Dense:
    """A layer that keeps what it is given, and works in place."""

    def __init__(self, n_in, n_out, transposed=False):
        self.weight = np.ones((n_out, n_in) if transposed else (n_in, n_out))
        self.bias = np.zeros((1, n_out))
        self.grad_weight = None

    def forward(self, x):
        self.x = x
        self.out = x @ np.ones((x.shape[1], 2))
        return self.out

    def backward(self, g):
        self.x += 1
        self.out *= 0
        self.grad_weight = self.x.T @ g
        return [self.out]


class Stack:
    def __init__(self, *sizes):
        self.layers = [Dense(*sizes), Layerless(), Dense(*sizes, transposed=True)]


class Layerless:
    weight = None


@pytest.fixture
def asked(monkeypatch):
    """The functions that ran beside a far object."""
    found, beside_it = [], Far.beside

    def ask(*args):
        found.append(args[1].partition(":")[2])
        return beside_it(*args)

    monkeypatch.setattr(Far, "beside", staticmethod(ask))
    return found


def passes(layer, x, g, bring=reach.NOTHING, last="backward"):
    waiting = [calls.Later(reach.Method(layer, "forward", "Dense"), [x], "Dense.forward")]
    waiting.append(calls.Later(reach.Method(layer, last, "Dense"), [g], f"Dense.{last}"))
    return calls.in_turn(waiting, bring)


@both
def test_calls_in_turn_show_what_each_did_when_it_is_its_turn(home):
    layer, x, g = Dense(3, 2), np.ones((4, 3)), np.ones((4, 2))
    results = passes(home(layer), x, g)
    first = next(results).copy()
    assert np.array_equal(first, np.full((4, 2), 3.0))
    assert np.array_equal(x, np.ones((4, 3)))
    assert not next(results)[0].any()
    assert not layer.out.any()


@both
def test_a_call_in_turn_that_changes_its_argument_is_seen_to(home):
    def spoil(x, values):
        x[0] = 7
        values.append(3)
        return len(values)

    x, values, other = np.zeros(2), [1, 2], np.zeros(2)
    results = calls.call_each(home(spoil), [(x, values), (other, [])], what="spoil")
    assert next(results) == 3
    assert (x.tolist(), values) == ([7, 0], [1, 2, 3])
    assert next(results) == 1
    assert other.tolist() == [7, 0]


@both
def test_what_goes_wrong_in_turn_goes_wrong_when_it_is_its_turn(home):
    for last, name in (("nothing", "method-missing"), ("grad_weight", "still-to-do"), ("weight", "not-callable")):
        results = passes(home(Dense(3, 2)), np.ones((4, 3)), np.ones((4, 2)), last=last)
        assert next(results).shape == (4, 2)
        with pytest.raises(Mistake) as caught:
            next(results)
        assert caught.value.name == name
    results = passes(home(Dense(3, 2)), "text", np.ones((4, 2)))
    with pytest.raises(Mistake, match=r"Dense\.forward raised AttributeError.* in the line `self\.out"):
        next(results)


def test_calls_in_turn_and_what_is_read_next_are_one_question(asked):
    layer = far(Dense(3, 2))
    bring = ([layer], ("weight", "grad_weight"))
    list(passes(layer, np.ones((4, 3)), np.ones((4, 2)), bring))
    assert reach.read(layer, "weight").shape == (3, 2)
    with reach.together(*bring[:1], *bring[1]):
        assert np.array_equal(calls.attribute(layer, "grad_weight", "Dense"), np.full((3, 2), 8.0))
    assert asked == ["outcomes"]
    layer.thing.weight = None
    calls.call(reach.Method(layer, "forward", "Dense"), np.ones((4, 3)), what="Dense.forward")
    assert reach.read(layer, "weight") is None
    calls.call(reach.Method(layer, "forward", "Dense"), np.ones((4, 3)), what="Dense.forward", bring=bring)
    assert reach.read(layer, "weight") is None
    assert asked == ["outcomes", "outcome", "attribute", "outcome_and"]
    reach.forget()
    assert not reach._brought


def test_what_is_not_far_waits_until_the_far_calls_are_done():
    layer = far(Dense(3, 2))
    seen = []
    forward = calls.Later(reach.Method(layer, "forward", "Dense"), [np.ones((4, 3))], "Dense.forward")
    results = calls.in_turn([forward, calls.Later(seen.append, [1], "append")])
    next(results)
    assert not seen
    assert next(results) is None
    assert seen == [1]


W, B = np.arange(6.0).reshape(3, 2), np.array([5.0, 6.0])


def stack(home, values=((W, B), (W, B))):
    """The layers of a `Stack` with weights, and what was asked to read and to fill them."""
    made = calls.make(home(Stack), 3, 2, what="Stack", parts="layers", names=("weight", "bias"), values=values)
    layers = calls.attribute(made, "layers", "Stack")
    with reach.together(layers, "weight", "bias"):
        layers = [layer for layer in layers if reach.peek(layer, "weight") is not None]
        own = [(layer, name, np.array(reach.peek(layer, name))) for layer in layers for name in ("weight", "bias")]
    calls.put_all([(layer, name, reach.fitted(W if name == "weight" else B, old.shape)) for layer, name, old in own])
    return layers, [old for _, _, old in own]


@both
def test_a_thing_is_made_and_filled(home):
    layers, old = stack(home)
    assert [one.shape for one in old] == [(3, 2), (1, 2), (2, 3), (1, 2)]
    assert [float(one.mean()) for one in old] == [1, 0, 1, 0]
    assert np.array_equal(reach.read(layers[0], "weight"), W)
    assert np.array_equal(reach.read(layers[1], "weight"), W.T)
    assert np.array_equal(reach.read(layers[1], "bias"), B[None])


def test_making_reading_and_filling_are_one_question(asked):
    stack(far)
    assert asked == ["built"]
    del asked[:]
    stack(far, values=((W, B),))  # of one layer too few: it is filled when it is clear what goes where
    assert asked == ["built", "placed"]
    del asked[:]
    stack(far, values=((W, B), (W, B + 1)))  # other values than those that are put
    assert asked == ["built", "placed"]


@both
def test_making_says_what_cannot_be_filled_and_what_is_raised(home):
    class Locked:
        def __init__(self, n):
            self._weight = np.zeros(n)
            self._weight.flags.writeable = False

        weight = property(lambda self: self._weight)

    made = calls.make(home(Locked), 2, what="Locked", names=("weight",), values=((B,),))
    with pytest.raises(Mistake, match="`weight` can neither"):
        calls.put(made, "weight", B)
    with pytest.raises(Mistake, match=r"Locked raised TypeError.*Compare the arguments"):
        calls.make(home(Locked), what="Locked", names=("weight",), values=((B,),))


@pytest.mark.parametrize(
    "reply",
    [
        None,
        ("value", 1, (), ()),
        (("value", 1, ()), 7, 7, 7),
        (("value", 1, ()), ("value", [1, 2], ()), (("value", 1, ()),), (None,)),
        (("value", None, ()), None, (1, 2, 3), (None, 5)),
    ],
)
def test_a_forged_making_is_believed_in_nothing_but_its_object(reply, monkeypatch):
    monkeypatch.setattr(beside, "built", lambda *args: reply)
    believed = reply is not None and isinstance(reply[0], tuple)
    with nullcontext() if believed else pytest.raises(Mistake, match="it raised Exception"):
        found = calls.make(far(len), what="it", parts="layers", names=("weight",), values=((B,),))
    if believed:
        assert found == reply[0][1]
    assert not reach._placed


ONE = (("value", 1, ()), ())


@pytest.mark.parametrize("reply", [None, 3, ((), ()), (ONE, 5), ((ONE,) * 3, ()), ((None,), ())])
def test_a_forged_reply_of_many_calls_is_a_mistake(reply, monkeypatch):
    monkeypatch.setattr(beside, "outcomes", lambda *args: reply)
    with pytest.raises(Mistake, match="it raised Exception"):
        list(calls.call_each(far(len), [(1,), (2,)], what="it"))


ODD_CHANGES = [
    (3,),
    (9, np.ones(2)),
    (0, "text"),
    (0, np.ones(3)),
    (0, np.ones(2, int)),
    (0, None),
    (True, [1]),
    (-1, [1]),
]


@pytest.mark.parametrize("change", [3, *((one,) for one in ODD_CHANGES)])
def test_a_forged_change_of_an_argument_changes_nothing(change, monkeypatch):
    monkeypatch.setattr(beside, "outcomes", lambda *args: (((("value", 1, ()), change),), ()))
    x, values = np.zeros(2), [2]
    assert next(calls.call_each(far(len), [(x, values)], what="it")) == 1
    assert (x.shape, x.dtype, x.tolist(), values) == ((2,), float, [0, 0], [2])


@both
def test_attributes_are_assigned(home):
    layer, new = Layer(), np.ones(5)
    reach.assign(home(layer), weight=new, other=3)
    assert (layer.weight.tolist(), layer.other) == ([1] * 5, 3)
    assert layer.parameters[0] is not layer.weight
