"""Data sets of images: where their files are, what they must hold, and their fixed split."""

from rlid.datasets.catalogue import DATASETS as DATASETS
from rlid.datasets.catalogue import DataSet as DataSet
from rlid.datasets.places import DataError as DataError
from rlid.datasets.split import Images as Images
from rlid.datasets.split import images_of as images_of

__all__ = ["DATASETS", "DataError", "DataSet", "Images", "images_of"]
