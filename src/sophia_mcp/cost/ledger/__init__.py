"""Which calls were allowed, what did each cost, and how does every budget stand? The rows that say so."""
