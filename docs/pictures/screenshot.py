"""Render the dashboard as SVG: `python screenshot.py RUNS_DIR KEYS > picture.svg`, KEYS such as "j,enter" or "".

Makes the pictures of the README from real runs, without references to web fonts.
"""

import asyncio
import re
import sys
from pathlib import Path

from entrannas_cli.dashboard.app import Dashboard
from entrannas_cli.dashboard.settings import SettingsFile

SIZE = (132, 36)
SETTLING = 3.0  # seconds, until the files are read


async def main(runs: Path, keys: list[str]) -> None:
    """Open the dashboard, press ``keys``, and write the screen to stdout."""
    app = Dashboard(runs, settings=SettingsFile(Path("/nonexistent")))
    async with app.run_test(size=SIZE) as pilot:
        await asyncio.sleep(SETTLING)
        if keys:
            await pilot.press(*keys)
            await asyncio.sleep(SETTLING)
        picture = app.export_screenshot(title="entrannas dashboard")
    print(re.sub(r"@font-face \{.*?\}\n?", "", picture, flags=re.DOTALL))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), [key for key in sys.argv[2].split(",") if key]))
