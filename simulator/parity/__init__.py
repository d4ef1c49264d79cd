"""What is emulated beyond the routes and the errors, and how each piece of it is known: rows of the parity table."""
