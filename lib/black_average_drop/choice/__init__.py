"""Anybody's model and images: what they are, which maps can be drawn, how these rank, and what to recommend."""
