"""The worker: takes jobs from the queue in PostgreSQL and runs them.

A job runs at least once, and by one worker at a time. When its worker dies, the job stays marked
as being done; workers look for jobs whose worker gives no sign of life and queue them again. A
worker that is told to stop puts its jobs back.

``tasks`` runs a job, ``process`` is the life of the process around it.
"""

from app.services.job_kinds import Workshop
from app.worker.tasks import queue_of

__all__ = ["Workshop", "queue_of"]
