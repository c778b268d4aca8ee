"""Render a terminal screen as SVG: `tmux capture-pane -p -e | python terminal_to_svg.py TITLE > picture.svg`.

Makes the pictures of the README from real searches, without references to web fonts.
"""

import io
import re
import sys

from rich.console import Console
from rich.text import Text


def main(title: str) -> None:
    """Read a screen with its colours from stdin and write the SVG to stdout."""
    screen = Text.from_ansi(sys.stdin.read().rstrip())
    width = max(line.cell_len for line in screen.split())
    console = Console(record=True, width=width, file=io.StringIO(), legacy_windows=False)
    console.print(screen, no_wrap=True, crop=False)
    picture = console.export_svg(title=title)
    print(re.sub(r"@font-face \{.*?\}\n?", "", picture, flags=re.DOTALL))


if __name__ == "__main__":
    main(sys.argv[1])
