"""What keeps a replay, a seed or a reset from going on."""


class PlayError(RuntimeError):
    """Raised when it cannot go on; the message is one sentence for a person."""
