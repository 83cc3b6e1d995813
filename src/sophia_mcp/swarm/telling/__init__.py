"""How is a run told? To people, to programs, to builds and to collectors of traces."""
