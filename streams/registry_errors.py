"""What a schema registry may answer that is no schema; apart from its client, which is slow to load."""


class RegistryUnavailableError(ConnectionError):
    """Raised when the registry gave no usable answer; nothing follows from it about any schema."""


class SchemaNotFoundError(LookupError):
    """Raised when the registry itself said that there is no such schema or subject."""


class IncompatibleSchemaError(ValueError):
    """Raised when the registry refused a schema.

    Attributes:
        subject: Whose schema it was.
        reasons: A sentence for each rule broken; empty when only the registry knows.
        answer: The registry's words.
    """

    def __init__(self, subject: str, reasons: list[str], answer: str) -> None:
        super().__init__(f"{subject} refuses the schema: {'; '.join(reasons) or answer}")
        self.subject = subject
        self.reasons = reasons
        self.answer = answer
