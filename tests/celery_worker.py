"""The Celery application of the workers that tests start: `celery -A tests.celery_worker worker`.

Broker and queue come from the environment, and the database from that of `tests.settings`.
"""

import os
from datetime import timedelta

import django
from celery import Celery
from django.conf import settings

django.setup()

from django_workflow_engine import tasks  # noqa: E402, F401  # registered with the application
from django_workflow_engine.actions import due  # noqa: E402
from tests.celery_actions import SETTINGS  # noqa: E402

settings.DJANGO_WORKFLOW_ENGINE = SETTINGS

app = Celery("tests", broker=os.environ["BROKER_URL"])
app.conf.update(
    task_default_queue=os.environ["BROKER_QUEUE"],
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    worker_cancel_long_running_tasks_on_connection_loss=False,
)

# What a killed worker leaves over is picked up sooner than in a project.
due.GRACE_PERIOD = timedelta(seconds=2)
