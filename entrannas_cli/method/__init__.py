"""The method on its own: EnTranNAS and EnTranNAS-DST (Yang et al., CVPR 2021, arXiv 2101.11342).

Reading order: ``space`` → ``operations`` (registry) and ``layers`` (their modules) → ``architecture`` (α, β and
the derivation) → ``genotype`` → ``cells`` → ``network`` (super-net, derived network) → ``bilevel`` (one search
step). torch is the only dependency; ``space``, ``operations`` and ``genotype`` don't need even that.
"""
