"""Makes an SVG of what a terminal shows: `tmux capture-pane -p -e | python terminal_to_svg.py TITLE > picture.svg`.

The pictures of the README are made by it from real searches. They ask for no font from elsewhere.
"""

import io
import re
import sys

from rich.console import Console
from rich.text import Text


def main(title: str) -> None:
    """Reads a screen with its colours from stdin, writes the picture to stdout."""
    screen = Text.from_ansi(sys.stdin.read().rstrip())
    width = max(line.cell_len for line in screen.split())
    console = Console(record=True, width=width, file=io.StringIO(), legacy_windows=False)
    console.print(screen, no_wrap=True, crop=False)
    picture = console.export_svg(title=title)
    print(re.sub(r"@font-face \{.*?\}\n?", "", picture, flags=re.DOTALL))


if __name__ == "__main__":
    main(sys.argv[1])
