# Installed to etc/ipython, where IPython's kernels look: see helpers/notebook.py.
c = get_config()  # type: ignore[name-defined]  # noqa: F821
c.InteractiveShellApp.extensions.append("helpers.notebook")
