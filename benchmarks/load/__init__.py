"""A service under load: many clients at once while its index is being changed."""
