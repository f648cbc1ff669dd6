"""Celery application; the demo itself needs neither a broker nor a worker.

Start a worker with `celery -A config worker` and set `ACTION_EXECUTION` to "celery" to have
workflow actions run there. The beat schedule below is what a production site would run.
"""

import os

from celery import Celery
from celery.schedules import crontab

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("example_project")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.autodiscover_tasks(["config"])
app.conf.beat_schedule = {
    # What a crash left over, and what is to be tried again.
    "run-workflow-actions": {
        "task": "django_workflow_engine.tasks.run_workflow_actions",
        "schedule": crontab(minute="*/5"),
    },
    # Reminders, and what is to happen to overdue steps.
    "process-approval-deadlines": {
        "task": "approval_workflow.process_approval_deadlines",
        "schedule": crontab(minute="*/15"),
    },
    "clean-up-old-workflows": {
        "task": "config.tasks.clean_up_old_workflows",
        "schedule": crontab(hour=2, minute=0),
    },
}
