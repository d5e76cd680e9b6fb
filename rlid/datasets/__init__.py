"""Data sets as arrays in a split that is always the same, and the objectives on them.

The catalogue names the files of each data set and the digests of their contents, which do not
depend on how a copy packs or orders the images. Files come from a folder of the user's, or are
downloaded once and checked; a user's own images and tables are known by a digest of their rows.
"""

from rlid.datasets.catalogue import DATASETS as DATASETS
from rlid.datasets.catalogue import DataSet as DataSet
from rlid.datasets.digits import SHA256 as DIGITS_SHA256
from rlid.datasets.digits import read_digits as read_digits
from rlid.datasets.image_folder import read_image_folder as read_image_folder
from rlid.datasets.objectives import BATCH as BATCH
from rlid.datasets.objectives import FOLDS as FOLDS
from rlid.datasets.objectives import SEARCH_ROWS as SEARCH_ROWS
from rlid.datasets.objectives import Classification as Classification
from rlid.datasets.objectives import Regression as Regression
from rlid.datasets.objectives import Supervised as Supervised
from rlid.datasets.own_data import OwnData as OwnData
from rlid.datasets.own_data import find_own as find_own
from rlid.datasets.split import Images as Images
from rlid.datasets.split import images_of as images_of
from rlid.datasets.split import location as location
from rlid.datasets.table import read_table as read_table
from rlid.errors import DataError

__all__ = [
    "BATCH",
    "Classification",
    "DATASETS",
    "DIGITS_SHA256",
    "DataError",
    "DataSet",
    "FOLDS",
    "Images",
    "OwnData",
    "Regression",
    "SEARCH_ROWS",
    "Supervised",
    "find_own",
    "images_of",
    "location",
    "read_digits",
    "read_image_folder",
    "read_table",
]
