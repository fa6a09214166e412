"""Many videos: any number of jobs, a few at once, each created once however often the batch is run.

`jobs` says what a job is, `reading` takes jobs out of a file, `naming` gives each its key and its file,
`running` decides and does one job, `engine` does a few at once, `making` puts it all together.
"""

from __future__ import annotations

from kling_elements.batch.engine import AsyncBatch, Batch, Running
from kling_elements.batch.jobs import JOB_FIELDS, BatchJob, BatchResult, Order
from kling_elements.batch.running import Again

__all__ = ["JOB_FIELDS", "Again", "AsyncBatch", "Batch", "BatchJob", "BatchResult", "Order", "Running"]
