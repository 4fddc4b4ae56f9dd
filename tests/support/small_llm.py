"""Serves a small LLM on loopback, and prints the address: ``python small_llm.py MODEL.gguf``."""

import sys
from threading import Event

import xllamacpp


def main() -> None:
    """Serve until the process is ended."""
    parameters = xllamacpp.CommonParams()
    parameters.model.path = sys.argv[1]
    parameters.n_ctx = 4096
    parameters.n_parallel = 2
    parameters.port = 0
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(parameters)
    print(f"address {server.listening_address}", flush=True)
    Event().wait()


if __name__ == "__main__":
    main()
