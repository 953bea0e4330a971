# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: all
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown] given="title"
# # TITLE
#
# What one does here, and why.

# %% given="setup"
from helpers import check

# %% [markdown] given="A-text"
# ## Part A. A first function (1 point, 5 min)
#
# $$y_i = x_i^2$$

# %% exercise="A-square"
def square(x):
    """x, any shape -> the square of each entry"""
    ### BEGIN SOLUTION
    return x * x
    ### END SOLUTION

# %% test="A-square-check" points=1
check.NAME.square(square)
### BEGIN HIDDEN TESTS
check.NAME.square(square, seed=SEED)
### END HIDDEN TESTS

# %% [markdown] given="finish"
# ---
# ## Your points, and handing in
#
# The last cell adds up what your checks have given so far, and says what is left. To hand in, save (Ctrl+S), choose
# *Kernel → Restart Kernel and Run All Cells*, look, save again, and hand in this file, `NAME.ipynb`.

# %% given="summary"
check.summary()
