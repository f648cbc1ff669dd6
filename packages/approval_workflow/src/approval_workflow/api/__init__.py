"""The REST API; the modules here need the extra [api]. Include `approval_workflow.api.urls`."""
