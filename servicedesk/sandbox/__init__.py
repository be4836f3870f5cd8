"""A simulated MDM engine with a virtual fleet: a process of its own that knows nothing of the desk.

The desk reaches it only over HTTP, as it would a real engine, and it answers with signed
notifications. Nothing here imports the rest of the project.
"""
