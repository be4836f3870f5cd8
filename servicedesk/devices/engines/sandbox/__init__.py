"""The connector of the sandbox: a simulated engine, reached as a real one would be."""
