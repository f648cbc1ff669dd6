"""What `manage.py seed` and `manage.py demo` do, apart from the commands themselves."""
