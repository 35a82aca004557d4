"""The artifact: the commands that run the notebooks, record what they made, check it and show it."""
