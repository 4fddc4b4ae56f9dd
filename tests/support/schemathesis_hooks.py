"""What schemathesis has to know of the server: lines of JSON are sent like any text."""

from __future__ import annotations

import schemathesis

schemathesis.serializer.alias("application/x-ndjson", "text/plain")
