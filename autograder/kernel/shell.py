"""An IPython shell whose outputs are what ipykernel would send, without zmq and threads: it is made before the fork."""

import asyncio
import codecs
import contextlib
import os
import signal
import subprocess
import sys
import types
import warnings
from pathlib import Path
from typing import Any

from IPython.core import page
from IPython.core.application import ProfileDir
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell, InteractiveShellABC
from traitlets import CBool, Instance, Type
from traitlets.config import Config

from . import colours
from .cell_names import CellCompiler
from .events import Events, Stream, plain
from .magics import CourseMagics
from .no_input import no_input
from .once import Once, QuickTransformer

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


class CourseShell(InteractiveShell):
    """See ``events``: ``shell.events_out`` takes what cells write. One a process; make it in the zygote."""

    displayhook_class = Type(CourseDisplayHook)
    display_pub_class = Type(CoursePublisher)
    compiler_class = Type(CellCompiler)
    autoindent = CBool(False)
    events_out: Events
    streams: list[Stream]
    failed_to_show: bool
    foreseen: dict[str, str]
    input_transformer_manager = Instance(QuickTransformer, ())
    _once: Once | None = None
    _usual: list[Any]

    @classmethod
    def make(cls, scratch: Path) -> "CourseShell":
        """The one shell of this process. ``scratch``: a folder for what IPython insists on writing."""
        colours.remember()
        os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
        shell = cls.instance(config=QUIET, ipython_dir=str(scratch), profile_dir=ProfileDir(location=str(scratch)))
        shell.events_out = Events()
        shell.foreseen, shell._usual = {}, shell._transformers()
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

    def begin(self) -> None:
        """A new cell."""
        for stream in self.streams:
            stream.start_cell()
        sys.stdout, sys.stderr = self.streams
        self.failed_to_show = False

    def run_one(self, source: str) -> tuple[bool, int]:
        """Run a cell inside a running event loop, as ipykernel does. (It went well, its execution count.)"""
        self.begin()
        known = self.foreseen.get(source) if self._transformers() == self._usual else None
        self._once = Once(self.written, None if known is None else (source, known))
        self.input_transformer_manager.once = self._once
        loop = _event_loop()
        try:
            result = loop.run_until_complete(self._run(source))
        finally:
            self.flush()
        return bool(result.success) and not self.failed_to_show, self.execution_count - 1

    def written(self) -> int:
        """How often something was written to the streams."""
        return sum(one.written for one in self.streams)

    def _transformers(self) -> list[Any]:
        """What changes the text of cells; a cell may have added to it."""
        manager = self.input_transformer_manager
        return [*manager.cleanup_transforms, *manager.line_transforms, *manager.token_transformers]

    async def _run(self, source: str) -> Any:
        with no_input():
            try:
                cell, trouble = self.transform_cell(source), None
            except Exception:
                cell, trouble = source, sys.exc_info()
            if not self.should_run_async(source, transformed_cell=cell, preprocessing_exc_tuple=trouble):
                return self.run_cell(source, store_history=True)
            task = asyncio.ensure_future(
                self.run_cell_async(source, store_history=True, transformed_cell=cell, preprocessing_exc_tuple=trouble)
            )
            result = None
            with _cancelled_by_interrupt(task):
                try:
                    result = await task
                finally:
                    self.events.trigger("post_execute")
                    self.events.trigger("post_run_cell", result)
            return result

    def transform_cell(self, raw_cell: str) -> str:
        """IPython asks for it twice per cell."""
        if self._once is None or self.input_transformers_post:
            return super().transform_cell(raw_cell)
        return self._once.transform(raw_cell, super().transform_cell)

    def should_run_async(
        self, raw_cell: str, *, transformed_cell: str | None = None, preprocessing_exc_tuple: Any = None
    ) -> bool:
        """IPython asks for it twice per cell, too."""
        if self._once is None or transformed_cell is None or preprocessing_exc_tuple is not None or not self.autoawait:
            return super().should_run_async(
                raw_cell, transformed_cell=transformed_cell, preprocessing_exc_tuple=preprocessing_exc_tuple
            )
        return self._once.awaits(transformed_cell)

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
