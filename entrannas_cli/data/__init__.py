"""Data sets: locate, read, split and augment images, and serve them in batches.

``datasets`` opens a data set, ``search_data`` and ``train_data`` prepare it for a search or a training, and
``availability`` lists data sets and locates their files without loading torch.
"""
