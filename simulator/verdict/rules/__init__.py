"""The rules, one file each: the explanation of a mistake, and the checker that detects it in exchanges."""
