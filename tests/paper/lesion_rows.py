"""Rows of lesions as 04_alpha writes them, with touches given by hand."""

import numpy as np
import pandas as pd


def lesion_rows(touched, sizes):
    """Rows of touched: map -> (lesion, training), whether the map of that training touches the lesion."""
    parts = []
    for training in range(len(next(iter(touched.values()))[0])):
        for name, touches in touched.items():
            rows = pd.DataFrame({"id": [f"i{number}" for number in range(len(sizes))], "size": sizes})
            rows = rows.assign(group=np.arange(len(sizes)), training=training, map=name)
            parts.append(rows.assign(touched=np.asarray(touches)[:, training].astype(int)))
    return pd.concat(parts, ignore_index=True)
