"""The contexts to which people's data is sealed: no sealed value fits in another's place."""


def query_context(ticket_id: str) -> str:
    """Return the context of a ticket's query code."""
    return f"ticket/{ticket_id}/query_code"


def text_context(identity: str) -> str:
    """Return the context of a message's words."""
    return f"message/{identity}/text"


def reporter_context(identity: str) -> str:
    """Return the context of who sent a message."""
    return f"message/{identity}/reporter"


def name_context(identity: str, place: int) -> str:
    """Return the context of the name of a message's file; `place` counts them from 0."""
    return f"message/{identity}/name/{place}"


def reply_context(identity: str) -> str:
    """Return the context of where a message's sender is answered."""
    return f"message/{identity}/reply_to"


def verification_context(identity: str, part: str) -> str:
    """Return the context of a part of a verification: `phone` or `code`."""
    return f"verification/{identity}/{part}"


def answer_context(identity: str) -> str:
    """Return the context of what a citizen was answered."""
    return f"answer/{identity}/text"


def question_context(identity: str) -> str:
    """Return the context of what an agent asked a citizen."""
    return f"question/{identity}/text"


def medium_context(identity: str, part: str) -> str:
    """Return the context of a part of a medium: `reference`, `name` or `text`."""
    return f"medium/{identity}/{part}"


def rating_context(ticket_id: str) -> str:
    """Return the context of what a citizen says of how their matter was dealt with."""
    return f"ticket/{ticket_id}/rating"
