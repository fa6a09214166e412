# The names of the wing, each with its module. `__init__.py` reads it.
from kling_elements.batch.async_worker_pool import AsyncBatch as AsyncBatch
from kling_elements.batch.job_sources import AsyncJobs as AsyncJobs
from kling_elements.batch.job_sources import Jobs as Jobs
from kling_elements.batch.jobs import JOB_FIELDS as JOB_FIELDS
from kling_elements.batch.jobs import BatchJob as BatchJob
from kling_elements.batch.jobs import Order as Order
from kling_elements.batch.next_step import RetryRules as RetryRules
from kling_elements.batch.options import WORKERS as WORKERS
from kling_elements.batch.options import BatchOptions as BatchOptions
from kling_elements.batch.options import ResumeOptions as ResumeOptions
from kling_elements.batch.plan import plan_batch as plan_batch
from kling_elements.batch.plan import plan_resume as plan_resume
from kling_elements.batch.results import BatchResult as BatchResult
from kling_elements.batch.results import Running as Running
from kling_elements.batch.resume import Resumed as Resumed
from kling_elements.batch.worker_pool import Batch as Batch
