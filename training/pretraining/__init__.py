"""A small encoder from nothing but text: its word pieces, its first vectors, and the guessing of masked words."""
