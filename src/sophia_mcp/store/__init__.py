"""Where everything is kept: transactions, words, trigrams, vectors, leases, jobs, backup; nothing that thinks."""
