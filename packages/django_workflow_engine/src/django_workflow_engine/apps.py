from django.apps import AppConfig
from django.db.models.signals import post_save
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class DjangoWorkflowEngineConfig(AppConfig):
    name = "django_workflow_engine"
    label = "django_workflow_engine"
    verbose_name = _("Django Workflow Engine")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django_workflow_engine import (
            checks,  # noqa: F401  # registers the system checks
            created_permissions,
        )
        from django_workflow_engine.actions import defaults
        from django_workflow_engine.cleanup import automatic
        from django_workflow_engine.models import ActionExecution
        from django_workflow_engine.services.auto_start import start_on_creation
        from django_workflow_engine.services.tasks_done import on_task_done
        from django_workflow_engine.signals import task_done

        created_permissions.connect()
        defaults.connect()
        automatic.connect()
        post_save.connect(start_on_creation, dispatch_uid="django_workflow_engine.auto_start")
        task_done.connect(
            on_task_done, sender=ActionExecution, dispatch_uid="django_workflow_engine.tasks"
        )
        autodiscover_modules("workflow_actions")
