"""The portfolio service: turns SIGNAL into ORDER, keeps the book, publishes EQUITY (and BOOK where it is read)."""
