"""All that a Python user may touch: ``import backbus`` gives each of these names, loaded when it is first used."""
