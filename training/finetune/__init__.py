"""What fine-tuning an encoder, a reranker and a reader share: options, evaluation, reports and model cards."""
