"""Large workflows in one form field.

Django refuses a form of more than `DATA_UPLOAD_MAX_NUMBER_FIELDS` fields (1,000), which a workflow
of some thirty stages has. The page's script then sends all fields as one, in which they are encoded
as a form is; `DATA_UPLOAD_MAX_MEMORY_SIZE` still holds for the whole.
"""

from urllib.parse import parse_qsl

from django.core.exceptions import TooManyFieldsSent
from django.http import HttpRequest

FIELD = "_packed"
MAX_FIELDS = 50_000


def unpack(request: HttpRequest) -> None:
    """Put packed fields in place of the packet; leave any other request as it is."""
    packed = request.POST.get(FIELD)
    if packed is None:
        return
    try:
        fields = parse_qsl(packed, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise TooManyFieldsSent(f"A workflow has at most {MAX_FIELDS} fields.") from error
    data = request.POST.copy()
    del data[FIELD]
    for name, value in fields:
        data.appendlist(name, value)
    request.POST = data  # type: ignore[assignment]
