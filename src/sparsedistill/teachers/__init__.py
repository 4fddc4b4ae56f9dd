"""Teachers, and how an encoder becomes one."""
