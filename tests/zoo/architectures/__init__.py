"""All architectures, by family: importing a family registers its entries."""

import importlib
import pkgutil

from entry import ENTRIES

for _family in pkgutil.iter_modules(__path__):
    importlib.import_module(f"architectures.{_family.name}")

__all__ = ["ENTRIES"]
