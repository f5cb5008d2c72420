"""Every error that Matinee raises on purpose: what was given, what was expected, what to do."""


class MatineeError(Exception):
    """The base of all of Matinee's errors."""


class DataError(MatineeError, ValueError):
    """Data or a parameter cannot be used: the file and line, the row or the name is in the message."""


class _UnknownIdError(MatineeError, KeyError):
    def __str__(self) -> str:
        # KeyError shows the repr of its argument, which puts quotes around a whole sentence.
        return Exception.__str__(self)


class UnknownUserError(_UnknownIdError):
    """A user id that the model has not seen."""


class UnknownItemError(_UnknownIdError):
    """An item id that the model has not seen."""


class NotFittedError(MatineeError):
    """A model was asked for an answer before it was fitted."""


class ModelFileError(MatineeError):
    """A model file is missing, truncated, damaged, or of a newer version."""


class MissingExtraError(MatineeError, ImportError):
    """A part of Matinee was asked for whose optional dependencies are not installed."""
