"""Numbers that the pages name, computed from the committed results: `naming.named` has all of them."""
