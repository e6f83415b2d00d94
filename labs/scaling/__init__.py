"""Which size is best for a given number of FLOPs? (U. Toronto CSC413, assignment 3)."""
