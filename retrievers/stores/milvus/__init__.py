"""Milvus: Milvus Lite in the process, a server, or a cluster, by the same client and schema."""
