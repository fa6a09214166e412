# The names of the wing, each with its module. `__init__.py` reads it.
from kling_elements.client.async_client import AsyncKlingElements as AsyncKlingElements
from kling_elements.client.sync_client import KlingElements as KlingElements
