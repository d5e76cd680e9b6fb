"""Data sets of images, as arrays in a split that is always the same.

The catalogue says what files a data set has and what they must hold.
Files come from a folder of the user's, or are downloaded once and checked.
"""

from rlid.datasets.catalogue import DATASETS as DATASETS
from rlid.datasets.catalogue import DataSet as DataSet
from rlid.datasets.split import Images as Images
from rlid.datasets.split import images_of as images_of
from rlid.errors import DataError

__all__ = ["DATASETS", "DataError", "DataSet", "Images", "images_of"]
