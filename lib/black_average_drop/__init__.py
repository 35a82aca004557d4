"""Black Average Drop: which heat map suits a set of images, measured without pixel labels."""

__version__ = "0.1.0"
