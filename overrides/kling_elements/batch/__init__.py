"""Many videos: any number of jobs, a few at once, each created once however often the batch is run.

`job_sources` reads jobs, `job_ids` gives each its key and its file. `next_step` decides what is done for one,
`preflight` refuses what would be paid in vain, `job_runner` runs it. `plan` makes a `workload` of it all,
which `worker_pool` and `async_worker_pool` work through, a few jobs at once. `resume` finishes what was
begun.
"""

from __future__ import annotations

from kling_elements.batch.async_worker_pool import AsyncBatch
from kling_elements.batch.jobs import JOB_FIELDS, BatchJob, Order
from kling_elements.batch.next_step import RetryRules
from kling_elements.batch.results import BatchResult, Running
from kling_elements.batch.worker_pool import Batch

__all__ = ["JOB_FIELDS", "AsyncBatch", "Batch", "BatchJob", "BatchResult", "Order", "RetryRules", "Running"]
