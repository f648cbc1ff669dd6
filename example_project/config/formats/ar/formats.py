"""Date and time in Arabic, and large numbers in groups."""

DATETIME_FORMAT = "j F، Y، g:i A"
# The marks keep day, month and year in the order of reading.
SHORT_DATETIME_FORMAT = "d\u200f/m\u200f/Y g:i A"
NUMBER_GROUPING = 3
