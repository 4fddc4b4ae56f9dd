"""Students inside other libraries: one module per library, imported on its own.

``sparsedistill.integrations.sklearn`` has estimators. Each module imports its library, so that importing one
needs the extra of that library alone.
"""
