"""Where a model is stored, which files it has, whether they are the registered ones, and what to ask for them.

Pure decisions: the object store's client and the model servers (`fixtures/`) call them, and so may the simulated world.
"""
