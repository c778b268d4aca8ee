"""One self-contained page about runs: what came out, how, and what it takes to do it again. Loads no torch."""
