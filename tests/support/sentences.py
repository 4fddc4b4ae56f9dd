"""What tests say of errors: that each is one sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sparsedistill import InputError


def error(action: Callable[[], Any]) -> str:
    """The one sentence with which `action` fails."""
    with pytest.raises(InputError) as caught:
        action()
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    return message
