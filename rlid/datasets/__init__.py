"""Data sets of images, as arrays in a split that is always the same.

The catalogue names the files of each data set and the digests of their contents, which do not
depend on how a copy packs or orders the images. Files come from a folder of the user's, or are
downloaded once and checked.
"""

from rlid.datasets.catalogue import DATASETS as DATASETS
from rlid.datasets.catalogue import DataSet as DataSet
from rlid.datasets.places import folder_of as folder_of
from rlid.datasets.split import Images as Images
from rlid.datasets.split import images_of as images_of
from rlid.datasets.split import location as location
from rlid.errors import DataError

__all__ = ["DATASETS", "DataError", "DataSet", "Images", "folder_of", "images_of", "location"]
