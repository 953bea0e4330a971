"""Cells of a student who has a bit of everything."""

CELL = """
import numpy as np
import torch
from collections import namedtuple
from dataclasses import dataclass

class Layer:
    made = 0
    def __init__(self, n=3):
        Layer.made += 1
        self.weight = np.arange(float(n))
        self.parts = [self]
    def __len__(self): return 7
    def __contains__(self, x): return x == 3
    def __getitem__(self, i): return (i, self) if i != 9 else [][0]
    def __setitem__(self, i, v): self.weight[i] = v
    def __delitem__(self, i): self.weight = np.delete(self.weight, i)
    def forward(self, x): self.x = x; return x @ x
    @property
    def angry(self): raise ValueError("no weights yet")
    @property
    def endless(self):
        while True: pass

class Plain: pass

class Odd:
    def __eq__(self, other): return True
    __hash__ = None
    def __bool__(self): return True
    def __float__(self): return 3.0
    def __array__(self, dtype=None, copy=None): return np.ones(3)

def same(x): return x
def twice(x): return [x, (x, {"a": x})]
def change(x):
    x[...] = 5
def append(x): x.append(len(x)); x[0] = "new"
def fill(x): x["a"] = 1; x.pop("b", None)
def numbers():
    yield 1
    yield Layer()
def fail(kind): raise kind
def call(f, *args, **kwargs): return f(*args, **kwargs)
def loop():
    while True: pass
def many(f, n): return [f(i) for i in range(n)]
kept = []
def keep(x): kept.append(x); return kept
def late(x): kept[0][...] = 9; return kept[0]
"""
