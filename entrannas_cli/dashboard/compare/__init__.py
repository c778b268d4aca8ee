"""The Compare screen: the curves of several runs, their result table and their configuration differences.

Reading order: ``metric_reader`` (the runs) → ``overlay`` (the lines of a chart) → ``tables`` → ``charts_tab``,
``grid`` and ``table_tabs`` (widgets) → ``export`` → ``export_screen`` → ``screen``.
"""
