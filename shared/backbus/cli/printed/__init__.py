"""What commands print: words, tables and bars as they fit a terminal."""
