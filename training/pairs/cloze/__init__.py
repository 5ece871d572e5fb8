"""Cloze to question by rules: a sentence with one span asked for becomes a Russian question.

Precedents: Lewis, Denoyer, Riedel 2019, "Unsupervised Question Answering by Cloze Translation" (arXiv:1906.04980), who
mask a name or a noun phrase in a clause and turn the rest into a question by rules or by unsupervised translation; and
Fabbri et al. 2020, "Template-Based Question Generation from Retrieved Sentences for Improved Unsupervised Question
Answering" (arXiv:2004.11892), who take another sentence with the answer as the passage.
"""
