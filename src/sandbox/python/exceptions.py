"""Exceptions on their way from one process to the other."""

import builtins

import values

# In a call, these would end a loop or a generator of the tests without a word.
SILENT = ("StopIteration", "StopAsyncIteration", "GeneratorExit")
MAX_TEXT = 500


def described(error):
    """An exception as JSON: the names of its classes, its text, and its arguments if they are data."""
    try:
        text = str(error)[:MAX_TEXT]
    except BaseException:
        text = "what was raised cannot be read"
    try:
        arguments = values.encode(list(error.args), refuse)
    except BaseException:
        arguments = None
    return [[kind.__name__ for kind in type(error).__mro__], text, arguments]


def refuse(*_):
    raise TypeError("not data")


def restored(description, is_end):
    """
    The exception that was described: a built-in one, or one of that name that derives from the nearest built-in one; with
    `is_end`, it may be the end of an iterator. Raises an Exception if the description is malformed.
    """
    names, text, arguments = description
    names, text = [str(name) for name in names], str(text)
    name = names[0]
    if any(known in SILENT for known in names) and not (is_end and "StopIteration" in names):
        return RuntimeError(name + ": " + text)
    bases = [getattr(builtins, known, None) for known in names]
    base = next((kind for kind in bases if isinstance(kind, type) and issubclass(kind, BaseException)), Exception)
    if base.__name__ == name and arguments is not None:
        try:
            error = base(*values.decode(arguments, refuse))
            if str(error) == text:
                return error
        except Exception:
            pass
    methods = {"__str__": lambda self: text}
    name = name if name.isidentifier() else "Error"
    try:
        kind = type(name, (base,), methods)
        return kind.__new__(kind, text)
    except TypeError:
        # One that cannot be made of a text.
        return type(name, (Exception,), methods)(text)
