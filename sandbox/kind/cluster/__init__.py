"""The kind cluster itself: what there is of it, making and removing it. See plan.py."""
