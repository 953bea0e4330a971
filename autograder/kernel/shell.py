"""An IPython shell whose outputs are what ipykernel would send, without zmq and threads: it is made before the fork."""

import asyncio
import builtins
import codecs
import contextlib
import getpass
import inspect
import itertools
import os
import signal
import subprocess
import sys
import types
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from IPython.core import page
from IPython.core.application import ProfileDir
from IPython.core.compilerop import CachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.error import StdinNotImplementedError, UsageError
from IPython.core.interactiveshell import ExecutionResult, InteractiveShell, InteractiveShellABC
from IPython.core.magic import Magics, line_magic, magics_class
from IPython.display import Javascript, display
from traitlets import CBool, Type
from traitlets.config import Config

from .events import Events, Stream, plain

FRAMES_SHOWN = 20
QUIET = Config({"HistoryManager": {"enabled": False, "hist_file": ":memory:"}, "HistoryAccessor": {"enabled": False}})


class CourseDisplayHook(DisplayHook):
    """The value of a cell's last line becomes an ``execute_result``."""

    _result: dict[str, Any] | None = None

    def start_displayhook(self) -> None:
        self._result = {"is": "execute_result", "data": {}, "metadata": {}}

    def write_output_prompt(self) -> None:
        if self._result is not None:
            self._result["execution_count"] = self.prompt_count

    def write_format_data(self, format_dict: dict[str, Any], md_dict: dict[str, Any] | None = None) -> None:
        if self._result is not None:
            self._result["data"] = format_dict
            self._result["metadata"] = md_dict or {}

    def finish_displayhook(self) -> None:
        result, self._result = self._result, None
        if result and result["data"]:
            _shell(self).emit(result)


class CoursePublisher(DisplayPublisher):
    """``display``, its updates and ``clear_output``."""

    def publish(  # type: ignore[override]
        self,
        data: dict[str, Any],
        metadata: dict[str, Any] | None = None,
        *,
        transient: dict[str, Any] | None = None,
        update: bool = False,
        **kwargs: Any,
    ) -> None:
        self._validate_data(data, metadata)
        kind = "update_display_data" if update else "display_data"
        display_id = (transient or {}).get("display_id")
        _shell(self).emit({"is": kind, "data": data, "metadata": metadata or {}, "display_id": display_id})

    def clear_output(self, wait: bool = False) -> None:
        _shell(self).emit({"is": "clear_output", "wait": bool(wait)})


def _shell(owner: Any) -> "CourseShell":
    shell = owner.shell
    assert isinstance(shell, CourseShell)
    return shell


class CellCompiler(CachingCompiler):
    """Cells get file names as ipykernel gives them, which warnings and syntax errors show."""

    def get_code_name(self, raw_code: str, code: str, number: int) -> str:
        name = f"/tmp/ipykernel_{os.getpid()}/{zlib.crc32(raw_code.encode('utf-8', 'replace'))}.py"
        # Else every frame of a traceback makes inspect ask each of 2,000 modules whether this file is its own: 20 ms.
        inspect.modulesbyfile[name] = "__main__"  # type: ignore[attr-defined]
        return name


@magics_class
class CourseMagics(Magics):
    """The magics that ipykernel adds and that make sense without a front end."""

    @line_magic
    def autosave(self, line: str) -> None:
        """What the notebook's page is told; there is none."""
        try:
            seconds = int(line)
        except ValueError:
            raise UsageError(f"%%autosave requires an integer, got {line!r}") from None
        script = Javascript(f"IPython.notebook.set_autosave_interval({1000 * seconds})")
        display(script, include=["application/javascript"])
        print(f"Autosaving every {seconds} seconds" if seconds else "Autosave disabled")

    @line_magic
    def less(self, line: str) -> None:
        """Show a file, in a pager that is not displayed."""
        if not line:
            raise UsageError("Missing filename.")
        Path(line).read_text()

    more = line_magic("more")(less)  # type: ignore[arg-type,var-annotated]


@contextlib.contextmanager
def no_input() -> Iterator[None]:
    """While a cell runs, `input` and `getpass` raise ipykernel's error."""
    before = builtins.input, getpass.getpass
    builtins.input, getpass.getpass = _refuse("raw_input"), _refuse("getpass")
    try:
        yield
    finally:
        builtins.input, getpass.getpass = before


def _refuse(name: str) -> Any:
    def refuse(prompt: object = "", *args: object, **kwargs: object) -> NoReturn:
        raise StdinNotImplementedError(f"{name} was called, but this frontend does not support input requests.")

    return refuse


class CourseShell(InteractiveShell):
    """See ``events``: ``shell.events_out`` takes what cells write. One a process; make it in the zygote."""

    displayhook_class = Type(CourseDisplayHook)
    display_pub_class = Type(CoursePublisher)
    compiler_class = Type(CellCompiler)
    autoindent = CBool(False)
    events_out: Events
    streams: list[Stream]
    failed_to_show: bool
    failed_at: list[int] | None = None

    @classmethod
    def make(cls, scratch: Path) -> "CourseShell":
        """The one shell of this process. ``scratch``: a folder for what IPython insists on writing."""
        os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
        shell = cls.instance(config=QUIET, ipython_dir=str(scratch), profile_dir=ProfileDir(location=str(scratch)))
        shell.events_out = Events()
        shell.streams = [Stream(shell.events_out, name) for name in ("stdout", "stderr")]
        sys.stdout, sys.stderr = shell.streams
        return shell

    def emit(self, header: dict[str, Any]) -> None:
        """Send one output. What can't be JSON raises here, in the cell that displays it."""
        header = plain(header)
        self.flush()
        if self.events_out.ours or "data" not in header:
            self.events_out.send(header)
        else:
            sys.stdout.write(str(header["data"].get("text/plain", "")) + "\n")

    def flush(self) -> None:
        for stream in self.streams:
            stream.flush()

    def run_one(self, source: str) -> tuple[bool, int]:
        """Run a cell inside a running event loop, as ipykernel does. (It went well, its execution count.)"""
        for stream in self.streams:
            stream.start_cell()
        sys.stdout, sys.stderr = self.streams
        self.failed_to_show, self.failed_at = False, None
        loop = _event_loop()
        try:
            result = loop.run_until_complete(self._run(source))
        finally:
            self.flush()
        self.failed_at = self._place(result.error_in_exec)
        return bool(result.success) and not self.failed_to_show, self.execution_count - 1

    def _place(self, error: Any) -> list[int] | None:
        """Line (from 1) and column of the cell where an error arose, None where there was none."""
        try:
            trace = error.__traceback__
            while trace.tb_frame.f_globals is not self.user_global_ns:
                trace = trace.tb_next
            line, _, column, _ = next(itertools.islice(trace.tb_frame.f_code.co_positions(), trace.tb_lasti // 2, None))
            return [int(line), int(column or 0)]
        except Exception:  # no error, or one that is not as errors are
            return None

    async def _run(self, source: str) -> Any:
        # What IPython's `run_cell` does, which would transform the cell a second time, in the loop that runs already.
        cell, trouble, result = source, None, None
        with no_input():
            try:
                cell = self.transform_cell(source)
            except Exception:
                trouble = sys.exc_info()
            about: dict[str, Any] = {"transformed_cell": cell, "preprocessing_exc_tuple": trouble}
            running = self.run_cell_async(source, store_history=True, **about)
            try:
                if not self.should_run_async(source, **about):
                    result = await running
                else:
                    task = asyncio.ensure_future(running)
                    with _cancelled_by_interrupt(task):
                        result = await task
            except BaseException as error:
                result = ExecutionResult(None)
                result.error_in_exec = error
                self.showtraceback(running_compiled_code=True)
            finally:
                self.events.trigger("post_execute")
                self.events.trigger("post_run_cell", result)
        return result

    def _get_exc_info(self, exc_tuple: Any = None) -> Any:
        kind, error, trace = super()._get_exc_info(exc_tuple)
        shorten(error)
        return kind, error, trace

    def _showtraceback(self, etype: type, evalue: BaseException, stb: list[str]) -> None:
        if getattr(self.displayhook, "_result", None) is not None:
            self.failed_to_show = True
        traceback = [str(line) for line in stb] if isinstance(stb, list) else [str(stb)]
        self.emit({"is": "error", "ename": str(etype.__name__), "evalue": str(evalue), "traceback": traceback})

    def _format_exception_for_storage(self, *about: Any, **more: Any) -> dict[str, Any]:
        """Skip IPython's own copy of each traceback, which is never read and takes as long as the one shown."""
        return {}

    def init_environment(self) -> None:
        """See ``kernel.ENVIRONMENT``."""

    def init_virtualenv(self) -> None:
        pass

    def init_hooks(self) -> None:
        super().init_hooks()
        self.set_hook("show_in_pager", page.as_hook(lambda *args, **kwargs: None), 99)

    def init_magics(self) -> None:
        super().init_magics()
        self.register_magics(CourseMagics)

    def enable_gui(self, gui: Any = None) -> None:
        """There is no screen; figures go through the inline backend."""

    def ask_exit(self) -> None:
        """``quit`` and ``exit`` are ignored: the cells below still count."""

    def set_next_input(self, text: str, replace: bool = False) -> None:
        """There is no next input."""

    def system_piped(self, cmd: str) -> None:
        """``!cmd``, as in ipykernel: no background processes; the exit code is kept in ``_exit_code``."""
        if cmd.rstrip().endswith("&"):
            raise OSError("Background processes not supported.")
        command = ["/bin/sh", "-c", self.var_expand(cmd, depth=1)]
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as child:
            assert child.stdout is not None
            decoder = codecs.getincrementaldecoder("utf-8")("replace")
            while data := os.read(child.stdout.fileno(), 65536):
                sys.stdout.write(decoder.decode(data).replace("\n", "\r\n"))  # as from the terminal it has in Jupyter
        self.user_ns["_exit_code"] = child.returncode

    system = system_piped


InteractiveShellABC.register(CourseShell)


def _event_loop() -> asyncio.AbstractEventLoop:
    """The loop of this thread, which cells share; a new one where there is none: from Python 3.14 on
    `asyncio.get_event_loop` makes none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return asyncio.get_event_loop()
    except RuntimeError:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        return loop


def shorten(error: BaseException | None) -> None:
    """Endless recursion leaves a thousand frames, which take IPython seconds to write: leave the middle ones out."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        frames = []
        trace = error.__traceback__
        while trace is not None:
            frames.append(trace)
            trace = trace.tb_next
        if len(frames) > 2 * FRAMES_SHOWN:
            frames[FRAMES_SHOWN - 1].tb_next = frames[-FRAMES_SHOWN]
            error.add_note(f"({len(frames) - 2 * FRAMES_SHOWN} frames in the middle are left out)")
        error = error.__cause__ or error.__context__


@contextlib.contextmanager
def _cancelled_by_interrupt(task: "asyncio.Task[Any]"):
    loop = task.get_loop()

    def cancel(number: int, frame: types.FrameType | None) -> None:
        loop.call_soon_threadsafe(task.cancel)

    before = signal.signal(signal.SIGINT, cancel)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
