# The names of the wing, each with its module. `__init__.py` reads it.
from kling_elements.downloads.download import DownloadContext as DownloadContext
from kling_elements.downloads.download import download_video as download_video
from kling_elements.downloads.memory import copy_video as copy_video
from kling_elements.downloads.options import DOWNLOAD_DEFAULTS as DOWNLOAD_DEFAULTS
from kling_elements.downloads.options import DownloadOptions as DownloadOptions
