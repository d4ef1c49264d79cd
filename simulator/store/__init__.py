"""What is kept: the log of every job and the bytes of every upload. No HTTP and no rules live here."""
