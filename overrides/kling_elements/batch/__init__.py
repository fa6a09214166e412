"""Many videos: any number of jobs, a few at once, each created once however often the batch is run.

`jobs` says what a job is, `reading` takes jobs out of a file, `naming` gives each its key and its file.
`decisions` decides what is done for one, `checks` refuses what would be paid in vain, `running` does it.
`work` says what an engine does, `engine` and `async_engine` do it, a few jobs at once; `making` puts it all
together.
"""

from __future__ import annotations

from kling_elements.batch.async_engine import AsyncBatch
from kling_elements.batch.decisions import Again
from kling_elements.batch.engine import Batch
from kling_elements.batch.jobs import JOB_FIELDS, BatchJob, BatchResult, Order
from kling_elements.roster import Running

__all__ = ["JOB_FIELDS", "Again", "AsyncBatch", "Batch", "BatchJob", "BatchResult", "Order", "Running"]
