"""Charts made of characters, for a screen that is redrawn often: no UI, no numpy, no matplotlib.

Reading order: ``trace`` (a line's points, and the minimum and maximum of any stretch of them) → ``window`` (the
visible part) → ``columns`` (a line as columns of dots) → ``canvas`` (dots as coloured characters) →
``scale`` (ticks) → ``look`` (colours, markers) → ``chart`` (what is shown) → ``frame`` (where its parts lie) →
``header`` → ``draw``.
"""
