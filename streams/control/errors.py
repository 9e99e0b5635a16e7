"""What can be wrong with a change of what is served."""


class ChangeError(RuntimeError):
    """Raised for a change that is not possible, or was not the first; the message is one sentence."""
