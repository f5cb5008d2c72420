"""The errors of Matinee: a message says what was given, what was expected, and what to do."""


class MatineeError(Exception):
    """The base of all of Matinee's errors."""


class DataError(MatineeError, ValueError):
    """Data or a parameter cannot be used; the message has the file and line, the row, or the name."""


class _UnknownIdError(MatineeError, KeyError):
    def __str__(self) -> str:
        # KeyError shows the repr of its argument, which puts quotes around a whole sentence.
        return Exception.__str__(self)


class UnknownUserError(_UnknownIdError):
    """The model has not seen this user id."""


class UnknownItemError(_UnknownIdError):
    """The model has not seen this item id."""


class NotFittedError(MatineeError):
    """A model was asked for an answer before it was fitted."""


class ModelFileError(MatineeError):
    """A model file is missing, truncated, damaged, or of a newer version."""


class NotEnoughMemoryError(MatineeError, MemoryError):
    """Something needs more memory than there is; the message says what, and how much where that is known."""


class MissingExtraError(MatineeError, ImportError):
    """The optional dependencies of a part of Matinee are not installed.

    The message names the command that installs them. pip takes the extra from the Matinee that is installed,
    and looks for none on an index.
    """
