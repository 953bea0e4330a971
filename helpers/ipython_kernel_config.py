# Installed to etc/ipython, where IPython's kernels look and run it: see helpers/notebook.py.
if "get_config" in globals():
    get_config().InteractiveShellApp.extensions.append("helpers.notebook")  # type: ignore[name-defined]  # noqa: F821
