"""One folder an MDM engine; what they have in common is `contract.py`."""
