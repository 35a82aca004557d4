"""Classifiers of PyTorch, as modules or as .pt2 archives. PyTorch is imported here alone, where one is read."""
