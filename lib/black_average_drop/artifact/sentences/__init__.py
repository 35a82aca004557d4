"""Sentences of pages that say a direction: rows of the committed tables choose their words."""
