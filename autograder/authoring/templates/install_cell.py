# Run this cell first. It installs what the notebook needs, once, and does nothing where that is there already.
def install(wheel):
    import glob
    import importlib
    import importlib.metadata
    import importlib.util
    import os
    import subprocess
    import sys

    def there():
        try:
            return f"-{importlib.metadata.version('from-scratch-to-cudnn')}-" in wheel
        except importlib.metadata.PackageNotFoundError:
            return False

    def found():  # beside the notebook; uploaded to Colab or on one's Drive; added to a Kaggle notebook as a data set
        for place in ("", "/content/", "/content/drive/MyDrive/**/", "/kaggle/input/**/"):
            yield from glob.glob(place + wheel, recursive=True)

    path = "" if there() else next(found(), "")
    colab = "google.colab" in sys.modules
    if not path and importlib.util.find_spec("helpers"):
        return
    if not path and colab:
        from google.colab import files

        print(f"Choose {wheel}, from the folder that you unpacked:")
        files.upload()
        path = next(found(), "")
    if not path:
        print(f"{wheel} is missing: put it beside this notebook, and run this cell again.")
        return
    hosted = colab or "KAGGLE_KERNEL_RUN_TYPE" in os.environ  # they have a Jupyter of their own
    for extra in ("",) if hosted else ("[notebook]", ""):
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries=1"]
        done = subprocess.run([*command, os.path.abspath(path) + extra], capture_output=True, text=True)
        if done.returncode == 0:
            break
    importlib.invalidate_caches()
    if not there():
        print(done.stderr.strip()[-2000:])
        print("The installation failed; what pip says stands above, and README.md says how to install by hand.")
    elif "helpers" in sys.modules:
        print("Installed. Restart the kernel, so that Python reads it anew.")
    else:
        print("Installed.")


install("WHEEL")
