"""When requests come and what they ask for. See rates.py (instants) and keys.py (what is asked for)."""
