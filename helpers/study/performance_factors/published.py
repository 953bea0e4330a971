"""A published table of threads, and what is known of it."""

from __future__ import annotations

CAFFE_THREADS: dict[str, dict[int, float]] = {
    "Caffe": {1: 1.324, 2: 0.790, 4: 0.578, 8: 15.444},
    "TensorFlow": {1: 7.062, 2: 4.789, 4: 2.648, 8: 1.938},
    "Torch": {1: 1.329, 2: 0.710, 4: 0.423},
}
"""Tool -> threads -> seconds of a mini-batch, as quoted in a beginners' talk of 2018 from Shi, Wang, Xu and Chu,
arXiv 1608.07249. Not confirmed by us: the network (probably their FCN-S at batch 64) and the processor (probably an
Intel i7-3820, 4 cores with 2 threads each). Their scripts (hclhkbu/dlbench) start Caffe with OMP_NUM_THREADS,
OPENBLAS_NUM_THREADS and MKL_NUM_THREADS all at the number of threads."""
