"""Price files that are made by chance, and what they were made from."""
