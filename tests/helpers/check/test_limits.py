"""Limits of time: nested, and beside somebody else's signals."""

import signal
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import pytest

from helpers.check.core.limits import TooLong, quiet, time_limit

TIMERS = (signal.ITIMER_PROF, signal.ITIMER_REAL)


def compute(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def left():
    return [signal.getitimer(timer)[0] for timer in TIMERS]


def test_a_limit_strikes_and_leaves_no_timer():
    with pytest.raises(TooLong), time_limit(0.05):
        compute(5)
    assert left() == [0, 0]
    with time_limit(5):
        compute(0.01)
    assert left() == [0, 0]


def test_waiting_counts_for_a_sixth():
    with time_limit(0.05):
        time.sleep(0.1)
    with pytest.raises(TooLong), time_limit(0.02):
        time.sleep(2)


def test_a_limit_around_another_stands_still_and_goes_on():
    with time_limit(5):
        with pytest.raises(TooLong), time_limit(0.05):
            compute(5)
        assert 0 < left()[0] < 5.05
    assert left() == [0, 0]

    def outside():
        with time_limit(5):
            compute(0.2)
        assert 0 < left()[0] < 0.15
        compute(5)

    with pytest.raises(TooLong), time_limit(0.1):
        outside()






def test_somebodys_own_alarm_comes_back():
    rung = []
    before = signal.signal(signal.SIGALRM, lambda *about: rung.append(1))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with time_limit(5):
            time.sleep(0.2)
        assert not rung
        time.sleep(0.2)
        assert rung == [1]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_without_a_limit_the_signals_do_what_they_always_did():
    source = "import os, signal\nfrom helpers.check.core.limits import time_limit\n"
    source += "with time_limit(5): pass\nos.kill(os.getpid(), signal.SIGALRM)\nprint('alive')"
    ran = subprocess.run([sys.executable, "-c", source], capture_output=True, check=False)
    assert (ran.returncode, ran.stdout) == (-signal.SIGALRM, b"")


def test_in_another_thread_there_is_no_limit():
    found = []

    def work():
        with time_limit(0.01):
            compute(0.05)
        found.append(left())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [[0, 0]]


def test_quiet_and_afterwards_as_before():
    before = list(warnings.filters)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with quiet():
            warnings.warn("not this", stacklevel=1)
            np.exp(np.array([1000.0]))
        warnings.warn("this", stacklevel=1)
        np.exp(np.array([1000.0]))
    assert [str(one.message)[:8] for one in seen] == ["this", "overflow"]
    assert list(warnings.filters) == before
    with pytest.raises(ZeroDivisionError), quiet():
        _ = 1 / 0
    assert list(warnings.filters) == before
