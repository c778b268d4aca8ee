"""Images for searches: where they are, how they are read, split, augmented and served in batches.

``datasets`` opens a data set, ``search_data`` makes of it what a search needs, ``availability`` knows (without
torch) which data sets there are and where they lie.
"""
