"""How an index grows: measured from a thousand chunks to a million, calculated beyond."""
