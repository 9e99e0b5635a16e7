"""What keeps a deployment from being moved."""


class MoveError(RuntimeError):
    """Raised when states cannot be moved; the message is one sentence that says what to do."""
