"""Several processes and several nodes: how they are started, meet, and end together."""

import os

# What torch writes, with its whole stack, of a connection that is closed; it becomes an exception all the same, and
# that a line. Asked as torch is loaded.
os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "FATAL")
