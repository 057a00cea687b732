"""What `python -m toyclip` can do: one module for each kind of command, all found in the table of `cli`."""
