"""Many videos: any number of jobs, a few at once, each created once however often the batch is run.

`job_sources` reads jobs, `job_ids` gives each its key and its file. `next_step` decides what is done for one,
`preflight` refuses what would be paid in vain, `job_runner` runs it. `plan` makes a `workload` of it all,
which `worker_pool` and `async_worker_pool` work through, a few jobs at once. `resume` finishes what was
begun.
"""

from kling_elements.lazy import lazy_names

__all__, __getattr__ = lazy_names(__name__, __path__[0])  # pyright: ignore[reportUnsupportedDunderAll]
