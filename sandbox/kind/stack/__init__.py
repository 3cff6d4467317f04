"""What `sandbox up` installs: one file a component, in order. See component.py, catalogue.py, bring_up.py."""
