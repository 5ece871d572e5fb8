"""The service as OpenAI's chat API has it."""
