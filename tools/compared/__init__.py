"""Held against others: what other engines publish, read from checkouts of them, beside what the same job gives here.

    python -m tools.compared --from FOLDER

``FOLDER`` holds checkouts; the name of each is its module's ``CHECKOUT``. Nothing of theirs is in this repository:
prices and expected figures are read where they lie, by parsing. Each peer has a module that says how: it gives
``ENGINE`` (its name), ``CHECKOUT``, ``ABOUT`` (text for the page) and ``rows(checkout)``. Jobs are files in ``jobs/``.
"""
