"""What the paper says and what comes out here: its numbers, its claims, Table 1, alpha, and softmax."""
