"""An LLM as a teacher: what it is asked (:class:`LLMQuestion`), and where (:class:`LLMServer`)."""

from .question import LLMQuestion
from .server import LLMServer
from .teacher import LLMTeacher, from_llm_file
from .usage import Usage

__all__ = ["LLMQuestion", "LLMServer", "LLMTeacher", "Usage", "from_llm_file"]
