"""What can be wrong with an attachment."""


class AttachmentError(Exception):
    """An attachment cannot be kept or read."""


class FileTooLarge(AttachmentError):
    """The file has more bytes than `limit`."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the file is larger than {limit} bytes")
        self.limit = limit


class EmptyFile(AttachmentError):
    """The file has no bytes."""


class AttachmentMissing(AttachmentError):
    """Nothing is stored under this address."""


class AttachmentDamaged(AttachmentError):
    """What is stored has been cut, changed or moved, or its key is gone."""
