"""Says how bodies that are plain text are sent; the tool knows JSON, forms and text/plain."""

import schemathesis


@schemathesis.serializer("application/x-ndjson", "text/markdown")
def as_text(ctx, value):
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")
