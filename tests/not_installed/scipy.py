"""What a user's environment has not: scipy comes with the engines of others that tests compare with.

numba loads it wherever it is there, which takes each process that the tests start a third of a second.
"""

raise ModuleNotFoundError("scipy is no requirement of backbus", name="scipy")
