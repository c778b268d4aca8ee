"""The entry point of ``entrannas`` and ``python -m entrannas_cli``."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence

from .common.errors import EntrannasError

__all__ = ["main"]

OUTPUT_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit with 0 (success), 1 (failure), 2 (bad input) or 130 (interrupted)."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    command_line = arguments[: arguments.index("--")] if "--" in arguments else arguments
    for stream in ("stdout", "stderr"):
        if getattr(sys, stream) is None:  # closed by the parent process
            setattr(sys, stream, open(os.devnull, "w"))  # noqa: SIM115, PTH123
    debug = "--debug" in command_line or os.environ.get("ENTRANNAS_DEBUG", "") not in ("", "0")
    if "--debug" in command_line:
        arguments.remove("--debug")
    sys.exit(_run(arguments, debug))


def _run(arguments: list[str], debug: bool) -> int:
    try:
        os.getcwd()  # noqa: PTH109
    except OSError:
        return _fail("the working directory is gone: change to another one", 2)
    from typer.exceptions import Abort, TyperException

    from .cli.app import app

    try:
        code = app(args=arguments, prog_name="entrannas", standalone_mode=False)
        sys.stdout.flush()
    except TyperException as error:
        return _fail_usage(error)
    except EntrannasError as error:
        if debug:
            raise
        return _fail(str(error), error.exit_code)
    except BrokenPipeError:
        return _abandon_output()
    except SystemExit as error:
        if isinstance(error.__context__, BrokenPipeError):  # typer turns it into this
            return _abandon_output()
        raise
    except (KeyboardInterrupt, Abort):
        return _fail("interrupted", 130)
    except Exception as error:
        if debug:
            raise
        if isinstance(error, OSError) and error.filename is None and error.errno in OUTPUT_ERRORS:
            _abandon_output()
            return _fail(f"can't write the output: {error.strerror}", 1)
        return _fail(
            f"internal error: {type(error).__name__}: {error} (run again with --debug for the traceback)", 1
        )
    return code if isinstance(code, int) else 0


def _abandon_output() -> int:
    """Discard what is left in the buffer. Return 0: a reader that has left (`| head`) is no failure."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return 0


def _fail_usage(error: Exception) -> int:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "entrannas"
    text = error.format_message() if hasattr(error, "format_message") else str(error)
    # a group without a command; typer doesn't export the class
    if type(error).__name__ == "NoArgsIsHelpError":
        print(text, file=sys.stderr)
        return 2
    return _fail(f"{text.rstrip('.')} (see `{path} --help`)", 2)


def _fail(text: str, code: int) -> int:
    print(f"entrannas: {text}", file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
