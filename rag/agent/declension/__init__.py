"""Names and noun groups in the cases of Russian, by dictionary and, for unknown ones, by their endings."""

from rag.agent.declension.groups import decline, gender_of, is_person_name
from rag.agent.declension.people import decline_person, is_personal
from rag.agent.declension.words import Reading, readings

__all__ = ["Reading", "decline", "decline_person", "gender_of", "is_person_name", "is_personal", "readings"]
