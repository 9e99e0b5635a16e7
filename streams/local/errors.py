"""What can go wrong with the local cluster, each told in one sentence."""


class ClusterError(RuntimeError):
    """Raised when the local cluster cannot do what was asked; the message says why."""


class PortTakenError(ClusterError):
    """Raised when a port was taken between its choice and its use."""


class NetworkError(ClusterError):
    """Raised when a first download does not get through."""
