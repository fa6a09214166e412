"""Many videos: any number of jobs, a few at once, each created once however often the batch is run.

`jobs` says what a job is, `reading` takes jobs out of a file, `naming` gives each its key and its file.
`decisions` decides what is done for one, `checks` refuses what would be paid in vain, `running` does it.
`work` says what an engine does, `engine` and `async_engine` do it, a few jobs at once; `making` puts it all
together.
"""

from __future__ import annotations

from kling_elements.batch.async_worker_pool import AsyncBatch
from kling_elements.batch.jobs import JOB_FIELDS, BatchJob, Order
from kling_elements.batch.next_step import RetryRules
from kling_elements.batch.results import BatchResult, Running
from kling_elements.batch.worker_pool import Batch

__all__ = ["JOB_FIELDS", "AsyncBatch", "Batch", "BatchJob", "BatchResult", "Order", "RetryRules", "Running"]
