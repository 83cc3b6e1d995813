"""Trees to rows: what is read, cut, written and kept true, a view at a time."""
