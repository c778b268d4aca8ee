"""The Compare screen: several runs, their curves over each other, the result table, what differs.

Reading order: ``overlay`` (the lines of a chart) → ``tracks`` (the runs, read on) → ``tables`` → ``curves`` and
``grid`` (widgets) → ``exporting`` → ``export_screen`` → ``screen``.
"""
