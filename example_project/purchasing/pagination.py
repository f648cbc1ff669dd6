"""How the lists of the example's API are cut into pages."""

from rest_framework.pagination import PageNumberPagination


class TwentyAPage(PageNumberPagination):
    """Twenty objects a page."""

    page_size = 20
