"""The rows of the parity table: behaviours beyond the routes and the errors, each with its evidence."""
